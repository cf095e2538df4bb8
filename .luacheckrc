-- What scenarios and the prelude may name: the words of the scenario language, and the
-- part of Lua that the sandbox leaves (no os, io, require, load).
std = "none"
max_line_length = 120

local lua = {
  "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal",
  "rawget", "rawlen", "rawset", "select", "setmetatable", "tonumber", "tostring", "type",
  "xpcall", "math", "string", "table", "utf8", "coroutine",
}

local words = {
  "scenario", "phase", "sleep", "spawn", "parallel", "every", "eventually", "always",
  "expect", "note", "random", "now", "param", "process", "check", "client",
}

local allowed = {}
for _, list in ipairs { lua, words } do
  for _, name in ipairs(list) do
    allowed[name] = { other_fields = true }
  end
end
read_globals = allowed

-- luacheck's own settings are globals of this file.
files[".luacheckrc"] = { std = "luacheckrc" }
