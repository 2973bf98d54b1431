/* SPDX-License-Identifier: Apache-2.0 */
/* Hears of its own open files: cc first_event.c $(pkg-config --cflags --libs libbrink) */
#include <brink/brink.h>
#include <stdio.h>

int main(void) {
    int fd = brink_open(NULL, 0);
    struct brink_event event;
    if (fd < 0 || brink_watch(fd, 0, "nofile=5") < 0)
        return fprintf(stderr, "%s\n", brink_error()), 1;
    while (tmpfile() && brink_read(fd, &event, 1) == 1)
        printf("%s[%d]: %s, %llu open\n", event.comm, event.pid, brink_type_name(event.type),
               (unsigned long long)event.usage);
}
