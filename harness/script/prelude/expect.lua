-- expect, eventually, always: what a scenario says must hold while it runs. Each is
-- recorded; a false one ends run and counts, also when its error is caught.
local native = ...
local inside, judged, seconds = native.inside, native.judged, native.seconds
local text, fail, now, rest = native.text, native.fail, native.now, native.rest
local select, type, format, tostring = select, type, string.format, tostring
local min, math_type = math.min, math.type

local compare = {
  ["<"]  = function(a, b) return a < b end,
  ["<="] = function(a, b) return a <= b end,
  ["=="] = function(a, b) return a == b end,
  ["~="] = function(a, b) return a ~= b end,
  [">="] = function(a, b) return a >= b end,
  [">"]  = function(a, b) return a > b end,
}

local function shown(value)
  if math_type(value) == "float" then
    return format("%.6g", value)
  elseif type(value) == "string" then
    return format("%q", value)
  end
  return tostring(value)
end

local function check_pair(op, value, bound)
  if not compare[op] then
    fail(format("expect does not know '%s'", tostring(op)),
         "it knows: < <= == ~= >= >")
  end
  if op == "==" or op == "~=" then
    return
  end
  local kind = type(value)
  if kind ~= type(bound) or (kind ~= "number" and kind ~= "string") then
    fail(format("expect cannot compare %s %s %s", shown(value), op, shown(bound)))
  end
end

-- expect(what, value, op, bound) or expect(what, condition)
local function expect(what, ...)
  local count = select("#", ...)
  local value, op, bound = ...

  inside "expect"
  text(what, "expect")
  if count == 1 then
    if type(value) == "function" then
      fail("expect takes a value, not a function: call it, or use eventually(...)")
    end
    judged(value and true or false, what)
  elseif count == 3 then
    check_pair(op, value, bound)
    local held = compare[op](value, bound)
    judged(held, held and what
           or format("%s: expected %s %s, measured %s", what, op, shown(bound), shown(value)),
           value, op, bound)
  else
    fail('expect takes (what, condition) or (what, value, "<", bound)')
  end
end

local function check_watch(word, time, what, fn)
  inside(word)
  local limit = seconds(time, word)
  text(what, word)
  if type(fn) ~= "function" then
    fail(format('%s takes a function last: %s("5s", "what", function() return ... end)', word, word))
  end
  return limit
end

-- Ask often at first, then every 50 ms: short waits end quickly, long ones cost little.
local function pause(asked, left)
  rest(min(0.002 * asked, 0.05, left))
end

-- eventually("5s", what, fn): fn becomes true in time; it is asked a last time at the end.
local function eventually(within, what, fn)
  local limit = check_watch("eventually", within, what, fn)
  local began, asked = now(), 0

  while true do
    local left = limit - (now() - began)
    if fn() then
      return judged(true, what)
    elseif left <= 0 then
      return judged(false, format("not within %s: %s", within, what))
    end
    asked = asked + 1
    pause(asked, left)
  end
end

-- always("5s", what, fn): fn stays true for that long.
local function always(time, what, fn)
  local limit = check_watch("always", time, what, fn)
  local began, asked = now(), 0

  while true do
    local passed = now() - began
    if not fn() then
      return judged(false, format("not true any more after %.3fs of %s: %s", passed, time, what))
    elseif passed >= limit then
      return judged(true, what)
    end
    asked = asked + 1
    pause(asked, limit - passed)
  end
end

return { expect = expect, eventually = eventually, always = always }
