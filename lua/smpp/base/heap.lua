--- A binary heap: an array whose first item is the earliest.  Items are tables { at, serial }, ordered by `at`, then by
--- `serial`.  Each item stores its index, so that a cancelled one is removed at once.  The number of items is a field,
--- not `#list`: compiled by a LuaJIT older than May 2022 (Debian 12's), that may be the length before `list[n] = nil`.
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
  local n = list.count
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

---@class smpp.Heap
---@field count integer
---@field [integer] { at: number, serial: number, index: integer }

---@return smpp.Heap empty
function heap.new() return { count = 0 } end

---@param list smpp.Heap
---@param item { at: number, serial: number }  in no heap
function heap.push(list, item)
  list.count = list.count + 1
  sift_up(list, item, list.count)
end

--- Takes an item out; the first is list[1].
---@param list smpp.Heap
---@param item table  one of this heap
function heap.remove(list, item)
  local n, i = list.count, item.index
  local last = list[n]
  list[n], item.index, list.count = nil, nil, n - 1
  if i == n then return end
  sift_up(list, last, i)
  sift_down(list, last, last.index)
end

return heap
