--- Peers and their habits, as data: a profile is a table of options with a name, under those that a client or an account
--- is given.  docs/profiles.md tells what each option is for.
local options = require "smpp.base.options"
local receipt = require "smpp.receipt"
local text = require "smpp.text"

local profile = {}

local TOLERATE = { overlong = "boolean", unterminated = "boolean", stray_octets = "boolean", long_password = "boolean" }
local function tolerate(value) return options.wrong(value, TOLERATE) end

--- What a profile may say; every one of these is an option of smpp.connect, too.
profile.known = {
  base = "string", name = "string",
  default_alphabet = text.options.default_alphabet, data_codings = text.options.data_codings, allow = text.options.allow,
  language = text.options.language,
  long = options.one_of("concat_8bit", "concat_16bit", "sar", "payload", "refuse"), max_parts = text.options.max_parts,
  flash_by = options.one_of("class", "subunit"), on_unmappable = text.options.on_unmappable,
  short_code_ton = "number", short_code_npi = "number",
  id_base = options.one_of("auto", "as-is", "hex", "dec"), receipts = receipt.check, receipt_ttl_s = options.seconds,
  tolerate = tolerate, tlvs = "table", commands = "table", version = "string|number", require_sc_version = "boolean", system_type = "string",
  window = options.number(1, 65535, true), enquire_link_s = options.seconds, enquire_link_response_s = options.seconds,
  response_timeout_s = options.seconds, bind_timeout_s = options.seconds, answer_timeout_s = options.seconds,
  inactivity_s = options.seconds, pdu_read_s = options.seconds, reconnect = "boolean|table", defaults = "table",
}

--- The profiles that ship.
---@type table<string, table>
profile.shipped = {
  default = {},
  -- By the book: nothing odd is taken, an MC that does not say its version speaks 3.3.
  strict = {
    tolerate = { overlong = false, unterminated = false, stray_octets = false, long_password = false },
    require_sc_version = true, id_base = "as-is",
  },
  -- The service of that name, as its documentation has it.
  gatewayapi = {
    allow = { "gsm7", "latin1", "ucs2" }, long = "payload", flash_by = "subunit",
    short_code_ton = 0, short_code_npi = 1, -- only TON 0 and 1 are taken for destinations
    enquire_link_s = 30, reconnect = { fixed_s = 30 }, id_base = "as-is",
    receipts = { encoding = "latin1", err_rule = receipt.gatewayapi_err },
    tlvs = { { tag = 0x2900, name = "message_class", type = "octets" } },
  },
}

-- Programs on node-smpp, whose "ASCII" (data_coding 1, its default) is GSM 03.38.
profile.shipped["node-smpp"] = { data_codings = { [1] = "gsm7" } }

--- Names of the profiles that ship, in order.
---@return string[]
function profile.names()
  local names = {}
  for name in pairs(profile.shipped) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- The options of a profile: of one that ships, by its name, or of a table, which may name one as its `base`.
---@param value string|table|nil
---@param level? integer  as of `error`
---@return table options
function profile.options(value, level)
  level = (level or 1) + 1
  if value == nil then return {} end
  if type(value) == "string" then
    local found = profile.shipped[value]
    if not found then
      error(("no profile '%s'; there are %s"):format(value, table.concat(profile.names(), ", ")), level)
    end
    return options.merge(found)
  end
  options.check(value, profile.known, level)
  local merged = options.merge(profile.options(value.base, level), value)
  merged.base, merged.name = nil, nil
  return merged
end

return profile
