-- Prints how many parts a text takes, and which character forces a more expensive encoding.
local smpp = require "smpp"

local texts = arg[1] and { arg[1] } or {
  "Your parcel arrives today between 10 and 12.",
  "Your parcel arrives today – please don’t leave it outside. Signature, tracking and returns: see our web page.",
  "Päckchen kommt 📦",
}

for _, text in ipairs(texts) do
  local info = assert(smpp.text.measure(text))
  print(("%s\n  %s: %d part%s, %d units, %d left"):format(text, info.encoding, info.parts, info.parts > 1 and "s" or "",
    info.units, info.units_left))
  for _, culprit in ipairs(info.culprits) do
    print(("  because of %s (U+%04X), character %d"):format(culprit.character, culprit.codepoint, culprit.position))
  end
  local plain = assert(smpp.text.measure(text, { on_unmappable = "transliterate" }))
  if plain.parts < info.parts then print(("  %d part if sent as: %s"):format(plain.parts, plain.text)) end
end
