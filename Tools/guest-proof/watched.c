// What gdb watches: a variable written far from where it is declared, and one that is only read.
#include <pthread.h>
#include <stdio.h>

volatile int counter, table[4] = {1, 2, 3, 4};

static int fill(int rounds) {
    int sum = 0;
    for (int i = 1; i <= rounds; i++)
        sum += i * i;
    counter = sum;
    return table[2];
}

static void *in_thread(void *unused) {
    (void)unused;
    counter += 1000;
    return NULL;
}

int main(void) {
    int seen = fill(5) + fill(7);
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
    printf("watched program: %d %d\n", counter, seen);
    return 0;
}
