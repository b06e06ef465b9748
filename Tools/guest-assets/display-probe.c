/* What a desktop does with a display, in a few lines, for tests: monitors side by side on one frame buffer, each filled
 * with a colour of its own, and a red pointer. Stays until it is killed.
 * usage: probe MONITORS WIDTH HEIGHT POINTER-X POINTER-Y */
#include <drm.h>
#include <drm_mode.h>
#include <vmwgfx_drm.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAXIMUM = 8, POINTER = 64 };
static int card;

static void control(unsigned long request, void *argument, const char *what) {
    if (ioctl(card, request, argument) < 0) {
        perror(what);
        exit(1);
    }
}

/* A buffer of 32-bit pixels, and its handle. */
static uint32_t *buffer(uint32_t width, uint32_t height, struct drm_mode_create_dumb *made) {
    memset(made, 0, sizeof *made);
    made->width = width;
    made->height = height;
    made->bpp = 32;
    control(DRM_IOCTL_MODE_CREATE_DUMB, made, "create");
    struct drm_mode_map_dumb map = {.handle = made->handle};
    control(DRM_IOCTL_MODE_MAP_DUMB, &map, "map");
    void *pixels = mmap(0, made->size, PROT_READ | PROT_WRITE, MAP_SHARED, card, map.offset);
    if (pixels == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return pixels;
}

int main(int count, char **words) {
    if (count != 6) return 2;
    uint32_t monitors = atoi(words[1]), width = atoi(words[2]), height = atoi(words[3]);
    if (monitors < 1 || monitors > MAXIMUM) return 2;
    card = open("/dev/dri/card0", O_RDWR);
    if (card < 0) {
        perror("/dev/dri/card0");
        return 1;
    }

    /* VMware's driver takes the layout from a program of its tools. */
    char name[16] = "";
    struct drm_version version = {.name_len = sizeof name - 1, .name = name};
    control(DRM_IOCTL_VERSION, &version, "version");
    if (!strcmp(name, "vmwgfx")) {
        struct drm_vmw_rect rectangles[MAXIMUM];
        for (uint32_t i = 0; i < monitors; i++)
            rectangles[i] = (struct drm_vmw_rect){.x = (int)(i * width), .y = 0, .w = width, .h = height};
        struct drm_vmw_update_layout_arg layout = {.num_outputs = monitors, .rects = (uintptr_t)rectangles};
        control(DRM_IOW(DRM_COMMAND_BASE + DRM_VMW_UPDATE_LAYOUT, struct drm_vmw_update_layout_arg), &layout, "layout");
    }

    uint32_t crtcs[32], connectors[32], encoders[32];
    struct drm_mode_card_res all = {
        .crtc_id_ptr = (uintptr_t)crtcs, .connector_id_ptr = (uintptr_t)connectors,
        .encoder_id_ptr = (uintptr_t)encoders, .count_crtcs = 32, .count_connectors = 32, .count_encoders = 32};
    control(DRM_IOCTL_MODE_GETRESOURCES, &all, "resources");
    if (all.count_crtcs < monitors || all.count_connectors < monitors) {
        fprintf(stderr, "%u monitors\n", all.count_crtcs);
        return 1;
    }

    static const uint32_t colors[MAXIMUM] = {
        0x102030, 0x203040, 0x304050, 0x405060, 0x506070, 0x607080, 0x708090, 0x8090a0};
    struct drm_mode_create_dumb screen, shape;
    uint32_t *pixels = buffer(monitors * width, height, &screen);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < monitors * width; x++) pixels[y * (screen.pitch / 4) + x] = colors[x / width];
    struct drm_mode_fb_cmd frame = {
        .width = monitors * width, .height = height, .pitch = screen.pitch, .bpp = 32, .depth = 24,
        .handle = screen.handle};
    control(DRM_IOCTL_MODE_ADDFB, &frame, "frame buffer");
    for (uint32_t i = 0; i < monitors; i++) {
        struct drm_mode_crtc crtc = {
            .set_connectors_ptr = (uintptr_t)&connectors[i], .count_connectors = 1, .crtc_id = crtcs[i],
            .fb_id = frame.fb_id, .x = i * width, .mode_valid = 1};
        struct drm_mode_modeinfo *mode = &crtc.mode;
        mode->hdisplay = width;
        mode->hsync_start = width + 50;
        mode->hsync_end = width + 100;
        mode->htotal = width + 150;
        mode->vdisplay = height;
        mode->vsync_start = height + 50;
        mode->vsync_end = height + 100;
        mode->vtotal = height + 150;
        mode->clock = mode->htotal * mode->vtotal / 100 * 6;
        mode->vrefresh = 60;
        strcpy(mode->name, "probe");
        control(DRM_IOCTL_MODE_SETCRTC, &crtc, "mode");
    }

    uint32_t *image = buffer(POINTER, POINTER, &shape);
    for (int i = 0; i < POINTER * POINTER; i++) image[i] = 0xffff0000;
    struct drm_mode_cursor2 pointer = {
        .flags = DRM_MODE_CURSOR_BO | DRM_MODE_CURSOR_MOVE, .crtc_id = crtcs[0], .x = atoi(words[4]),
        .y = atoi(words[5]), .width = POINTER, .height = POINTER, .handle = shape.handle};
    /* Drivers without a pointer say so. */
    puts(ioctl(card, DRM_IOCTL_MODE_CURSOR2, &pointer) < 0 ? "PROBE without pointer" : "PROBE with pointer");
    fflush(stdout);
    pause();
    return 0;
}
