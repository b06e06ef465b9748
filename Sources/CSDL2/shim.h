// SDL 2 as the system provides it; the safe face is the window of the program ringbox-sdl.
#define SDL_MAIN_HANDLED
#include <SDL2/SDL.h>
