--- Nanoseconds of encoding, decoding and cutting a text of 160 characters in the C core.
local process = require "process"

return function(bench)
  local program, rows = bench.build .. "/bench/text_bench", {}

  local function round(number)
    if number > 1 then return end -- it runs several rounds itself and takes the best
    local built = os.execute(("mkdir -p %s/bench && cc -std=c99 -O2 -Icsrc -o %s bench/text_bench.c "
      .. "csrc/smpp/gsm7.c csrc/smpp/ucs2.c csrc/smpp/charset.c csrc/smpp/grapheme.c csrc/smpp/text.c"):format(bench.build, program))
    assert(built == true or built == 0, "cannot build bench/text_bench.c")
    for what, encode, decode, cut in process.capture(program):gmatch "([^\n]-) +(%d+) +(%d+) +(%d+)\n" do
      rows[#rows + 1] = { what = what, encode_ns = tonumber(encode), decode_ns = tonumber(decode), cut_ns = tonumber(cut) }
    end
  end

  local function result()
    return {
      title = "Text codec in C, 160 characters, ns",
      columns = { { "what", "", "%s" }, { "encode_ns", "encode", "%.0f" }, { "decode_ns", "decode", "%.0f" }, { "cut_ns", "cut", "%.0f" } },
      rows = rows,
    }
  end

  return { round = round, result = result }
end
