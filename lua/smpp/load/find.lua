--- Finds the highest rate that a system takes: doubles it until a rule breaks, then halves the gap down to 5 %.
local find = {}

local FIRST, GAP = 10, 0.05

---@param o { from: number?, to: number?, attempt: fun(rate: number): { ok: boolean, why: string?, generator: boolean? }?, tell: (fun(step: table))? }
---  attempt runs one step and waits; nil: the search ends
---@return { limit: number?, steps: table[], stopped_by: "rule"|"generator"|"to"|nil }  stopped_by nil: an attempt ended it
function find.limit(o)
  local steps, good, bad, stopped_by, is_over = {}, nil, nil, nil, false
  local function try(rate)
    local step = o.attempt(rate)
    if not step then
      is_over = true
      return false
    end
    step.rate = rate
    steps[#steps + 1] = step
    if o.tell then o.tell(step) end
    if step.ok then good = step else bad, stopped_by = step, step.generator and "generator" or "rule" end
    return step.ok
  end
  local rate = o.from or FIRST
  while try(rate) do
    if o.to and rate >= o.to then return { limit = rate, steps = steps, stopped_by = "to" } end
    rate = o.to and math.min(rate * 2, o.to) or rate * 2
  end
  if not good then -- not even the first: downwards
    while rate > 1 and not good and not is_over do
      rate = rate / 2
      try(rate)
    end
    if not good then return { limit = nil, steps = steps, stopped_by = not is_over and stopped_by or nil } end
  end
  while not is_over and (bad.rate - good.rate) / good.rate > GAP do try((good.rate + bad.rate) / 2) end
  if is_over then return { limit = good.rate, steps = steps } end
  return { limit = good.rate, steps = steps, stopped_by = bad.generator and "generator" or stopped_by }
end

return find
