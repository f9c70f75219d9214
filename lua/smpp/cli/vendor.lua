--- Vendors' TLVs and commands for `smpp decode` and `smpp explain`: --config FILE, as send and listen take it.
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
  wrong = profile.habits:pick("tlvs", "commands"):problem { tlvs = all.tlvs, commands = all.commands } or pdus.declare(all)
  if wrong then return nil, path .. ": " .. wrong.message end
  return all.tlvs or {}
end

return vendor
