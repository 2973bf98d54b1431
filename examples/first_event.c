/* SPDX-License-Identifier: Apache-2.0 */
/* Opens files until it hears of it: cc first_event.c $(pkg-config --cflags --libs libbrink) */
#include <brink/brink.h>
#include <stdio.h>

int main(void) {
    struct brink_event event;
    int fd = brink_open(NULL, 0);
    if (fd < 0 || brink_watch(fd, 0, "nofile=20") < 0)
        return fprintf(stderr, "%s\n", brink_error()), 1;
    for (int i = 0; i < 20; i++)
        tmpfile();
    if (brink_read(fd, &event, 1) == 1)
        printf("%s[%d] has %llu open\n", event.comm, event.pid, (unsigned long long)event.usage);
}
