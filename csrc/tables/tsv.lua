-- Reads the tables of a folder:  local tsv = dofile(dir .. "/tsv.lua")(dir)   tsv "params.tsv" -> rows by column.
-- The first line that is not a comment has the names of the columns.
return function(dir)
  return function(name)
    local rows, header = {}, nil
    for line in io.lines(dir .. "/" .. name) do
      if line:sub(1, 1) ~= "#" and line ~= "" then
        local cells = {}
        for cell in (line .. "\t"):gmatch("(.-)\t") do cells[#cells + 1] = cell end
        if header then
          local row = {}
          for i, key in ipairs(header) do row[key] = cells[i] end
          rows[#rows + 1] = row
        else
          header = cells
        end
      end
    end
    return rows
  end
end
