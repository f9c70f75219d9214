--- Makes a plan smaller that still fails in the same way: drops clients, messages and faults, then makes numbers small.
local shrink = {}

local LISTS = { "gateways", "bots", "faults", "talks", "replies", "messages" }

local function copy(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = copy(item) end
  return out
end

--- The plan without some entries of a list.
local function without(plan, name, first, count)
  local smaller = copy(plan)
  for _ = 1, count do table.remove(smaller[name], first) end
  return smaller
end

--- The plan without a client, and without what it does; nil: it is the only one.
local function without_client(plan, number)
  if #plan.clients == 1 then return nil end
  local smaller = copy(plan)
  table.remove(smaller.clients, number)
  for _, name in ipairs { "messages", "replies" } do
    local left = {}
    for _, one in ipairs(smaller[name]) do
      if one.client ~= number then
        if one.client > number then one.client = one.client - 1 end
        left[#left + 1] = one
      end
    end
    smaller[name] = left
  end
  return smaller
end

--- Smaller values of a number or a switch.
local function smaller_values(name, value)
  if value == true then return { false } end
  if type(value) ~= "number" then return name == "state" and value ~= "DELIVERED" and { "DELIVERED" } or {} end
  local least = (name == "at" or name == "after_s") and 0 or name == "length" and 6 or name == "for_s" and 0.5 or 1
  local list = {}
  if value > least then
    list[1] = least
    local half = (name == "at" or name == "for_s" or name == "after_s" or name == "value") and math.floor(value / 2) or math.floor(value / 2)
    if half > least then list[2] = half end
    if value % 1 ~= 0 and math.floor(value) >= least then list[#list + 1] = math.floor(value) end
  end
  return list
end

---@param plan smpp.SimulatePlan
---@param fails fun(plan: smpp.SimulatePlan): boolean
---@param may_go_on fun(): boolean
---@return smpp.SimulatePlan plan
---@return integer runs
function shrink.shrink(plan, fails, may_go_on)
  local runs = 0
  local function try(smaller)
    if not smaller or not may_go_on() then return false end
    runs = runs + 1
    if not fails(smaller) then return false end
    plan = smaller
    return true
  end
  local function drop_entries()
    local dropped = false
    for _, name in ipairs(LISTS) do
      local size = #plan[name]
      while size >= 1 do
        local at = 1
        while at <= #plan[name] and may_go_on() do
          if try(without(plan, name, at, math.min(size, #plan[name] - at + 1))) then dropped = true else at = at + size end
        end
        size = math.floor(size / 2)
      end
    end
    local number = 1
    while number <= #plan.clients and may_go_on() do
      if try(without_client(plan, number)) then dropped = true else number = number + 1 end
    end
    return dropped
  end
  local function lessen()
    local lessened = false
    for _, name in ipairs { "gateways", "bots", "clients", "messages", "replies", "talks", "faults" } do
      for i = 1, #plan[name] do
        local keys = {}
        for key in pairs(plan[name][i]) do keys[#keys + 1] = key end
        table.sort(keys)
        for _, key in ipairs(keys) do
          local done = key == "client" or key == "what" or key == "status"
          for _, value in ipairs(done and {} or smaller_values(key, plan[name][i][key])) do
            local smaller = copy(plan)
            smaller[name][i][key] = value or nil
            if try(smaller) then
              lessened = true
              break
            end
          end
        end
      end
    end
    for _, seconds in ipairs { 1, 5, math.floor(plan.seconds / 2) } do
      local smaller = copy(plan)
      smaller.seconds = seconds
      if seconds < plan.seconds and try(smaller) then
        lessened = true
        break
      end
    end
    return lessened
  end
  repeat
    local changed = drop_entries()
    changed = lessen() or changed
  until not changed or not may_go_on()
  return plan, runs
end

return shrink
