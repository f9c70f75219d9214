--- Vendors' TLVs and commands for `smpp decode` and `smpp explain`: --config FILE, as send and listen take it.
local commands = require "smpp.codec.commands"
local luafile = require "smpp.base.luafile"
local pdus = require "smpp.codec"
local profile = require "smpp.profile"
local schema = require "smpp.base.schema"

local vendor = {}

--- The option.
---@param command table  of argparse
function vendor.define(command)
  command:option("--config", "A Lua file that returns tlvs and commands of a vendor, or a profile with them."):argname "FILE"
end

--- Declares what the file names, for this process.
---@param path string?
---@return table[]? tlvs  as declared; nil: the file is wrong
---@return string? message
function vendor.load(path)
  if not path then return {} end
  local given, message = luafile.load(path)
  if not given then return nil, message end
  local read, wrong = profile.read(given.profile)
  if not read then return nil, path .. ": " .. wrong.message end
  local all = schema.merge(read, given)
  wrong = profile.habits:pick("tlvs", "commands"):problem { tlvs = all.tlvs, commands = all.commands }
  if wrong then return nil, path .. ": " .. wrong.message end
  local ok, err = pcall(function()
    for _, tlv in ipairs(all.tlvs or {}) do pdus.declare_tlv(tlv) end
    for _, command in ipairs(all.commands or {}) do
      local same = commands.rows[command.id]
      if not same or same.name ~= command.name then pdus.declare_command(command) end
    end
  end)
  if not ok then return nil, ("%s: %s"):format(path, (tostring(err):gsub("^[^\n]-%.lua:%d+: ", ""))) end
  return all.tlvs or {}
end

return vendor
