-- Loops that LuaJIT compiles, over integers, doubles, tables, strings and C data. The host computes
-- the same by other means (inputs.py).
local bit = require("bit")
local ffi = require("ffi")

local function sieve(limit)
  local composite, count = {}, 0
  for i = 2, limit do
    if not composite[i] then
      count = count + 1
      for j = i * i, limit, i do composite[j] = true end
    end
  end
  return count
end

local function xorshift(rounds)
  local x = 2463534242
  for _ = 1, rounds do
    x = bit.bxor(x, bit.lshift(x, 13))
    x = bit.bxor(x, bit.rshift(x, 17))
    x = bit.bxor(x, bit.lshift(x, 5))
  end
  return x % 4294967296
end

local function mandelbrot(size)
  local inside = 0
  for row = 0, size - 1 do
    local ci = 2 * row / size - 1
    for column = 0, size - 1 do
      local cr, x, y, n = 3 * column / size - 2, 0, 0, 0
      while n < 50 and x * x + y * y < 4 do
        x, y, n = x * x - y * y + cr, 2 * x * y + ci, n + 1
      end
      if n == 50 then inside = inside + 1 end
    end
  end
  return inside
end

local function records(count)
  local points = ffi.new("struct { int32_t x; uint8_t y; double z; }[?]", count)
  for i = 0, count - 1 do
    points[i].x = i * 7919 % 1000 - 500
    points[i].y = i
    points[i].z = points[i].x / 4
  end
  local sum = 0
  for i = 0, count - 1 do sum = sum + points[i].x * points[i].y + points[i].z end
  return sum
end

local function text(count)
  local parts = {}
  for i = 1, count do parts[i] = string.format("%d-%s", i, string.char(97 + i % 26)) end
  local sum = 0
  for c in table.concat(parts, ","):gmatch("%d+%-(%a)") do sum = (sum * 31 + c:byte()) % 1000003 end
  return sum
end

print("sieve", sieve(200000))
print("xorshift", xorshift(3000000))
print("mandelbrot", mandelbrot(120))
print("records", records(5000))
-- Compiled code thrown away and made again, in memory that held other code a moment ago.
for round = 1, 30 do
  jit.flush()
  assert(xorshift(2000) == xorshift(2000) and sieve(500) == 95 and mandelbrot(12) > 0)
  local f = loadstring("local s = 0 for i = 1, 300 do s = s + i * " .. round .. " end return s")
  assert(f() == 45150 * round)
end
print("text", text(20000))
assert(xorshift(3000000) % 1 == 0 and sieve(5000) == 669) -- compiled again, to be counted
local traces = 0
for i = 1, 4000 do if require("jit.util").traceinfo(i) then traces = traces + 1 end end
print("traces", traces)
