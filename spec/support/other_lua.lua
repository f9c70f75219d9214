--- Runs a program in another Lua process, with the modules of the checkout; returns the output of both streams.
---@param program string
---@return string output
return function(program)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(("package.path = %q\npackage.cpath = %q\n"):format(package.path, package.cpath), program)
  file:close()
  local interpreter = jit and "luajit" or "lua" .. _VERSION:match("%d%.%d")
  local pipe = assert(io.popen(interpreter .. " " .. path .. " 2>&1"))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(path)
  return output
end
