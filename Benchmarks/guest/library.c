// Real libraries, Debian's own static builds of them, so as not to measure only what we wrote.
#include "bench.h"
#include <bzlib.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { TEXT = 64 << 10, ROOM = TEXT + TEXT / 8 + 1024 };
static uint8_t text[TEXT], packed[ROOM], back[TEXT];

// Something like prose: words of differing frequency, numbers, repeats.
static const char *text_prepare(void) {
    static const char *const words[] = {
        "the", "of", "a", "page", "table", "entry", "register", "is", "loaded", "with", "when",
        "segment", "fault", "code", "data", "and", "stack", "not", "present", "descriptor",
    };
    uint32_t seed = 41;
    size_t at = 0;
    while (at < TEXT) {
        uint32_t r = next_random(&seed);
        const char *word = words[(r >> 8) % 20 * ((r >> 16) % 20) / 20];
        size_t length = strlen(word);
        for (size_t i = 0; i < length && at < TEXT; i++)
            text[at++] = (uint8_t)word[i];
        if (r % 16 == 0 && at < TEXT)
            text[at++] = (uint8_t)('0' + (r >> 24) % 10);
        if (at < TEXT)
            text[at++] = r % 11 ? ' ' : '\n';
    }
    return NULL;
}

static void check_back(size_t length) {
    if (length != TEXT || memcmp(text, back, TEXT))
        wrong("what was packed and unpacked again");
    memset(back, 0, TEXT);
}

static uint64_t zlib_pack_run(uint64_t rounds) {
    uint64_t sum = 0;
    while (rounds--) {
        uLongf size = ROOM;
        if (compress2(packed, &size, text, TEXT, 6) != Z_OK)
            wrong("compress2");
        sum = sum * 31 + size + packed[size / 2];
    }
    return sum;
}

static uint64_t zlib_unpack_run(uint64_t rounds) {
    uLongf size = ROOM;
    if (compress2(packed, &size, text, TEXT, 6) != Z_OK)
        wrong("compress2");
    uint64_t sum = 0;
    while (rounds--) {
        uLongf length = TEXT;
        if (uncompress(back, &length, packed, size) != Z_OK)
            wrong("uncompress");
        sum += crc32(adler32(1, back, TEXT), back, TEXT);
        check_back(length);
    }
    return sum;
}

static uint64_t bzip2_run(uint64_t rounds) {
    uint64_t sum = 0;
    while (rounds--) {
        unsigned size = ROOM, length = TEXT;
        if (BZ2_bzBuffToBuffCompress((char *)packed, &size, (char *)text, TEXT, 1, 0, 0) != BZ_OK ||
            BZ2_bzBuffToBuffDecompress((char *)back, &length, (char *)packed, size, 0, 0) != BZ_OK)
            wrong("bzip2");
        check_back(length);
        sum = sum * 31 + size;
    }
    return sum;
}

static uint64_t xz_pack_run(uint64_t rounds) {
    uint64_t sum = 0;
    while (rounds--) {
        size_t size = 0;
        if (lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, text, TEXT, packed, &size, ROOM) != LZMA_OK)
            wrong("lzma_easy_buffer_encode");
        sum = sum * 31 + size;
    }
    return sum;
}

static uint64_t xz_unpack_run(uint64_t rounds) {
    size_t size = 0;
    if (lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, text, TEXT, packed, &size, ROOM) != LZMA_OK)
        wrong("lzma_easy_buffer_encode");
    uint64_t sum = 0;
    while (rounds--) {
        uint64_t limit = UINT64_MAX;
        size_t read = 0, written = 0;
        if (lzma_stream_buffer_decode(&limit, 0, NULL, packed, &read, size, back, &written, TEXT) != LZMA_OK)
            wrong("lzma_stream_buffer_decode");
        check_back(written);
        sum += read;
    }
    return sum;
}

static uint64_t lua_program(const char *source, uint64_t rounds) {
    // The libraries one by one: `package` would want a dynamic linker.
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},
        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string},
        {LUA_MATHLIBNAME, luaopen_math},
    };
    lua_State *lua = luaL_newstate();
    if (!lua)
        wrong("starting Lua");
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    if (luaL_loadstring(lua, source) != LUA_OK)
        wrong("loading the Lua program");
    lua_pushinteger(lua, (lua_Integer)rounds);
    if (lua_pcall(lua, 1, 1, 0) != LUA_OK)
        wrong("running the Lua program");
    uint64_t result = (uint64_t)lua_tointeger(lua, -1);
    lua_close(lua);
    return result;
}

static uint64_t lua_run(uint64_t rounds) {
    return lua_program(
        "local rounds, sum = ..., 0\n"
        "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\n"
        "for round = 1, rounds do\n"
        "  local t, x = {}, 12345\n"
        "  for i = 1, 300 do x = (x * 1103515245 + 12345) % 2147483648; t[i] = x end\n"
        "  table.sort(t)\n"
        "  sum = (sum + t[1] + t[150] + fib(14)) % 1000000007\n"
        "  local object = setmetatable({n = 0}, {__index = {add = function(self, k) self.n = self.n + k end}})\n"
        "  for i = 1, 1000 do object:add(i * 0.5) end\n"
        "  sum = sum + math.tointeger(object.n)\n"
        "end\n"
        "return sum\n",
        rounds);
}

static uint64_t lua_strings_run(uint64_t rounds) {
    return lua_program(
        "local rounds, sum = ..., 0\n"
        "for round = 1, rounds do\n"
        "  local parts = {}\n"
        "  for i = 1, 200 do parts[#parts + 1] = string.format('%d:%s', i, ('x'):rep(i % 7)) end\n"
        "  local text = table.concat(parts, ',')\n"
        "  for number in text:gmatch('(%d+):xx') do sum = sum + tonumber(number) end\n"
        "  sum = sum + #text:gsub('x', 'yy') + (text:find('199:', 1, true) or 0)\n"
        "end\n"
        "return sum\n",
        rounds);
}

const struct workload library_workloads[] = {
    {"zlib-pack", 10, text_prepare, zlib_pack_run},
    {"zlib-unpack", 60, text_prepare, zlib_unpack_run},
    {"bzip2", 3, text_prepare, bzip2_run},
    {"xz-pack", 4, text_prepare, xz_pack_run},
    {"xz-unpack", 20, text_prepare, xz_unpack_run},
    {"lua", 90, NULL, lua_run},
    {"lua-strings", 100, NULL, lua_strings_run},
    {0},
};
