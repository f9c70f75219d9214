local json = require "smpp.http.json"
local property = require "spec.support.property"

describe("smpp.http.json", function()
  it("reads values of every kind", function()
    assert.same({ a = 1, b = { true, false, json.null }, c = { d = "x" } }, json.read ' { "a" : 1 , "b":[true,false,null],"c":{"d":"x"}, "e": null } \n')
    for text, value in pairs {
      ["0"] = 0, ["-0.5"] = -0.5, ["1e3"] = 1000, ["12.25E-2"] = 0.1225, ['""'] = "", ['"\\u00e4\\ud83d\\ude00\\n\\"\\/"'] = 'ä😀\n"/', ['"ä"'] = "ä",
      ['"\\u0000"'] = "\0", ['"\127"'] = "\127",
    } do
      assert.equal(value, json.read(text), text)
    end
    assert.is_true(json.is_array(json.read "[]"))
    assert.is_false(json.is_array(json.read "{}"))
    assert.equal(json.null, json.read "null")
    assert.equal(31, #(json.read(("["):rep(31) .. ("]"):rep(31)) and ("x"):rep(31)))
  end)

  it("says that there is nothing", function()
    for _, text in ipairs { "", " \r\n\t" } do assert.same({ n = 2, nil, "there is no value: the text is empty" }, (function(...) return { n = select("#", ...), ... } end)(json.read(text))) end
  end)

  it("refuses what is malformed", function()
    for _, text in ipairs {
      "", " ", "{", "[", '"', '{"a"}', '{"a":}', '{"a":1,}', "[1,]", "[,1]", "01", "-", "1.", ".5", "+1", "1e", "0x10", "NaN", "Infinity", "-Infinity", "1e999",
      "tru", "truex", "nul", "True", "'a'", '{a:1}', '{"a":1 "b":2}', "[1 2]", "1 2", "{} x", '"\n"', '"\t"', '"\\x"', '"\\u12"', '"\\ud800"',
      '"\\ud800\\u0041"', '"\\udc00"', '"\255"', '"\192\128"', '"\237\160\128"', "\239\187\191{}", "/* */ 1", "[1]]", "\0", '{"a":1,"a":2}',
      '{"a":null,"a":1}', '{"a":1,"a":null}', ("["):rep(33) .. ("]"):rep(33), ("["):rep(100000),
    } do
      local value, message = json.read(text)
      assert.is_nil(value, text:sub(1, 40))
      assert.is_string(message)
    end
  end)

  it("writes what it reads", function()
    local objects = require "smpp.codec.json"
    local object, list = objects.object, objects.list
    assert.equal('{"a":1,"b":[true,false,null,"x"],"c":{},"d":[],"e":-0.5,"f":"ä\\"\\\\\\n\\u0001\\u007f"}', json.write(object {
      "a", 1, "b", list { true, false, objects.null, "x" }, "c", object {}, "d", list {}, "e", -0.5, "f", 'ä"\\\n\1\127',
    }))
    assert.equal('[{"a":1,"b":{"c":[1]}},{},[]]', json.write { { b = { c = { 1 } }, a = 1 }, object {}, {} })
    assert.equal('{"n":1764453600000,"x":0.25}', json.write(object { "n", 1764453600000, "x", 0.25 }))
    assert.equal('"\195\191"', json.write "\255") -- as smpp.codec.json has it
    property.holds(300, function(random, case)
      local octets = {}
      for i = 1, random(20) - 1 do octets[i] = ({ "a", '"', "\\", "\0", "\31", "\127", "ä", "👋", "/", "\n" })[random(10)] end
      case.text = table.concat(octets)
      assert.equal(case.text, json.read(json.write(case.text)))
      assert.equal(case.text, objects.decode(json.write(object { "x", case.text })).x)
    end)
  end)

  it("never fails otherwise, whatever comes", function()
    property.holds(500, function(random, case)
      local words, out = { "{", "}", "[", "]", ":", ",", '"', "a", "1", ".", "e", "-", "null", "true", "\\", "\\u", "d800", " ", "\0", "\255", "ä" }, {}
      for i = 1, random(30) do out[i] = words[random(#words)] end
      case.text = table.concat(out)
      local value, message = json.read(case.text)
      assert.is_true(value ~= nil or type(message) == "string")
    end)
  end)
end)
