local text = require "smpp.text"
local util = require "spec.support.util"

--- What the vector gives as options.
local function options(v)
  return {
    encoding = v.encoding, locking = v.locking, single = v.single, fill = v.fill,
    udh = v.udh, reference = v.ref, graphemes = false,
  }
end

local check = {}

function check.encode(v)
  local octets, info, code = text.encode(v.text, options(v))
  if v.error then
    assert.equal("unmappable", code)
    return
  end
  assert.equal(v.hex, util.hex(octets):upper())
  if v.septets then assert.equal(v.septets, info.units) end
end

function check.decode(v)
  local o = { locking = v.locking, single = v.single, fill = v.fill, septets = v.septets }
  assert.equal(v.text, (text.decode(util.unhex(v.hex), v.encoding, o)))
end

function check.segment(v)
  local parts, info = text.split(v.text, options(v))
  assert.equal(#v.parts, #parts)
  assert.equal(#v.parts, info.parts)
  for i, part in ipairs(v.parts) do
    assert.equal(part.text, parts[i].text)
    assert.equal(part.hex, util.hex(parts[i].octets):upper())
    local payload = parts[i].octets:sub(#(parts[i].udh or "") + 1)
    local fill = (7 - #(parts[i].udh or "") * 8 % 7) % 7
    assert.equal(part.text, (text.decode(payload, v.encoding,
      { locking = v.locking, single = v.single, fill = fill, septets = part.septets })))
  end
end

function check.choose(v)
  local info = text.measure(v.text, { graphemes = false })
  assert.equal(v.encoding, info.encoding)
  assert.equal(v.segments, info.parts)
end

describe("smpp.text: golden vector", function()
  for _, v in ipairs(util.vectors "text.jsonl") do
    it(v.name, function() check[v.kind](v) end)
  end
end)
