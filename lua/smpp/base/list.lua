--- Doubly linked lists with removal in constant time.  Each list links its items by its own pair of fields, so an item can be in
--- several lists.
local list = {}

---@class smpp.ListLinks
---@field next string
---@field prev string

---@class smpp.List
---@field first table?
---@field last table?

--- Names of the fields that link the items of one list.
---@param name string
---@return smpp.ListLinks
function list.links(name) return { next = name .. "_next", prev = name .. "_prev" } end

--- Puts an item that is not in the list at its end.
---@param items smpp.List  a table; other fields are the caller's
---@param links smpp.ListLinks
---@param item table
function list.append(items, links, item)
  local last = items.last
  item[links.prev], item[links.next] = last, nil
  if last then last[links.next] = item else items.first = item end
  items.last = item
end

--- Takes an item out of the list.
---@param items smpp.List
---@param links smpp.ListLinks
---@param item table
function list.remove(items, links, item)
  local before, after = item[links.prev], item[links.next]
  if before then before[links.next] = after else items.first = after end
  if after then after[links.prev] = before else items.last = before end
  item[links.prev], item[links.next] = nil, nil
end

return list
