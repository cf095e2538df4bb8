-- faults: what handles offer that waits.
local native = ...
local seconds, switch_on, sleep, fail = native.seconds, native.switch_on, native.sleep, native.fail
local type, pairs, format, math_type = type, pairs, string.format, math.type

local known = { on = true, off = true, times = true }

-- fault:repeat_every { on = "3s", off = "2s", times = 4 }: on and off again, waiting until
-- done. It begins with on; afterwards the fault is healed.
local function repeat_every(fault, options)
  if type(options) ~= "table" then
    fail('fault:repeat_every takes a table: { on = "3s", off = "2s", times = 4 }')
  end
  for name in pairs(options) do
    if not known[name] then
      fail(format("fault:repeat_every has no option '%s'", name), "it takes: off, on, times")
    end
  end
  seconds(options.on, "repeat_every on")
  seconds(options.off, "repeat_every off")
  if math_type(options.times) ~= "integer" or options.times < 1 then
    fail("fault:repeat_every needs times = a whole number above zero")
  end

  for _ = 1, options.times do
    switch_on(fault)
    sleep(options.on)
    fault:heal()
    sleep(options.off)
  end
end

return { _repeat_every = repeat_every }
