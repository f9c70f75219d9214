--- Named pipes of the virtual loop, between a writer and a reader.
local pipes = { methods = {} }
local methods = pipes.methods

---@class smpp.VirtualPipe: smpp.Stream  both ends: the creator writes, the opener reads
local Pipe = {}
local PIPE = { __index = Pipe, __name = "smpp.VirtualPipe" }

--- Makes a pipe with a name, which open_stream finds once.
---@param name string  "-" is stdin
---@return smpp.VirtualPipe
function methods:pipe(name)
  local pipe = setmetatable({
    loop = self,
    kind = "pipe",
    address = name,
    pieces = {},    -- written, not read
    ended = false,  -- nothing more will be written
    callback = nil, -- of a pending read
    closed = false,
  }, PIPE)
  self.pipes[name] = pipe
  return pipe
end

function methods:open_stream(path)
  local pipe = self.pipes[path]
  if not pipe then return nil end
  self.pipes[path] = nil
  self:opened(pipe)
  return pipe
end

--- Calls back, in a turn of its own, with the next piece.
local function hand_over(self)
  if not (self.callback and (self.pieces[1] or self.ended)) then return end
  local callback, piece = self.callback, table.remove(self.pieces, 1)
  self.callback = nil
  self.loop:post(function()
    self.loop:keep(self, false)
    if not self.closed then callback(piece) end
  end)
end

--- Writes a piece, which one read returns.
---@param octets string
function Pipe:write(octets)
  table.insert(self.pieces, octets)
  hand_over(self)
end

--- Ends the input.
function Pipe:eof()
  self.ended = true
  hand_over(self)
end

function Pipe:read(callback)
  self.callback = callback
  self.loop:keep(self, true)
  hand_over(self)
end

function Pipe:read_now()
  local piece = table.remove(self.pieces, 1)
  if not piece and not self.ended then error("read would block: the pipe is empty; read it in a task", 2) end
  return piece
end

function Pipe:close()
  if self.closed then return end
  self.closed = true
  self.loop:keep(self, false)
  self.loop:forget(self)
end

return pipes
