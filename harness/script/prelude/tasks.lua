-- tasks: parallel and every, made of fork, join, spawn and sleep.
local native = ...
local inside, fork, join, spawn = native.inside, native.fork, native.join, native.spawn
local rest, now, seconds, fail = native.rest, native.now, native.seconds, native.fail
local select, type, format, unpack, max = select, type, string.format, table.unpack, math.max

-- parallel(fn, fn, …): all at once; goes on when the last has ended. The first error ends
-- the others and is the caller's. Gives the first result of each.
local function parallel(...)
  local count = select("#", ...)
  local functions, results = { ... }, {}

  inside "parallel"
  if count == 0 then
    fail("parallel takes functions: parallel(function() ... end, function() ... end)")
  end
  for i = 1, count do
    if type(functions[i]) ~= "function" then
      fail(format("parallel takes functions; number %d is %s", i,
                  functions[i] == nil and "nothing" or "a " .. type(functions[i])))
    end
  end
  for i = 1, count do
    fork(function() results[i] = functions[i]() end)
  end
  join()
  return unpack(results, 1, count)
end

-- every("1s", fn) -> Task: now and then again, on a fixed beat, until it is cancelled or
-- run ends. A turn that takes longer than the interval delays the next; none is made up
-- for.
local function every(interval, fn)
  inside "every"
  local beat = seconds(interval, "every")
  if beat <= 0 then
    fail('every needs a time above zero, such as "1s"')
  end
  if type(fn) ~= "function" then
    fail('every takes a function: every("1s", function() ... end)')
  end
  return spawn(function()
    local due = now()
    while true do
      fn()
      due = max(due + beat, now())
      rest(due - now())
    end
  end)
end

return { parallel = parallel, every = every }
