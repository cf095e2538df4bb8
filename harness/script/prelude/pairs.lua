-- pairs: in the order of the keys, so that the same seed tells the same story.
-- (Lua's own order changes from run to run.)
local native = ...
local keys, rawget, getmetatable, type, fail = native.keys, rawget, getmetatable, type, native.fail


local function pairs(t)
  local meta = getmetatable(t)
  local own = type(meta) == "table" and rawget(meta, "__pairs")
  if own then
    return own(t)
  end
  if type(t) ~= "table" then
    fail("pairs takes a table, not " .. (t == nil and "nil" or "a " .. type(t)))
  end

  local sorted, count = keys(t)
  local at = 0
  local function step()
    while at < count do
      at = at + 1
      local value = rawget(t, sorted[at])
      if value ~= nil then -- it may have been removed on the way
        return sorted[at], value
      end
    end
  end
  return step, t, nil
end

return { pairs = pairs }
