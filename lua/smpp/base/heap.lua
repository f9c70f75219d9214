--- A binary heap: an array whose first item is the earliest.  Items are tables { at, serial }, ordered by `at`, then by
--- `serial`.  Each item stores its index, so that a cancelled one is removed at once.
local heap = {}

local floor = math.floor

local function is_before(a, b) return a.at < b.at or (a.at == b.at and a.serial < b.serial) end

local function sift_up(list, item, i)
  while i > 1 do
    local above = floor(i / 2)
    local parent = list[above]
    if not is_before(item, parent) then break end
    list[i], parent.index = parent, i
    i = above
  end
  list[i], item.index = item, i
end

local function sift_down(list, item, i)
  local n = #list
  while 2 * i <= n do
    local below = 2 * i
    local child = list[below]
    if below < n and is_before(list[below + 1], child) then
      below = below + 1
      child = list[below]
    end
    if not is_before(child, item) then break end
    list[i], child.index = child, i
    i = below
  end
  list[i], item.index = item, i
end

---@param list table[]  a heap; {} is an empty one
---@param item { at: number, serial: number }  in no heap
function heap.push(list, item) sift_up(list, item, #list + 1) end

--- Takes an item out; the first is list[1].
---@param list table[]
---@param item table  one of this heap
function heap.remove(list, item)
  local n, i = #list, item.index
  local last = list[n]
  list[n], item.index = nil, nil
  if i == n then return end
  sift_up(list, last, i)
  sift_down(list, last, last.index)
end

return heap
