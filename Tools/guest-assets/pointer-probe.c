/* Prints what an input device tells, a line an event, for tests. Stays until it is killed.
 * usage: events NAME: the first device whose name contains NAME */
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count != 2) return 2;
    int device = -1;
    for (int number = 0; number < 32 && device < 0; number++) {
        char path[32], name[128] = "";
        snprintf(path, sizeof path, "/dev/input/event%d", number);
        int candidate = open(path, O_RDONLY);
        if (candidate < 0) continue;
        ioctl(candidate, EVIOCGNAME(sizeof name - 1), name);
        if (strstr(name, words[1])) {
            device = candidate;
            printf("EVENTS of %s\n", name);
        } else close(candidate);
    }
    if (device < 0) {
        printf("EVENTS of nothing\n");
        return 1;
    }
    fflush(stdout);
    struct input_event event;
    while (read(device, &event, sizeof event) == sizeof event) {
        if (event.type == EV_SYN) printf("SYN\n");
        else if (event.type == EV_KEY) printf("KEY %#x %d\n", event.code, event.value);
        else if (event.type == EV_REL) printf("REL %d %d\n", event.code, event.value);
        else if (event.type == EV_ABS) printf("ABS %d %d\n", event.code, event.value);
        fflush(stdout);
    }
    return 0;
}
