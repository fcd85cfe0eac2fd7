/* The bytes of a plan file: mapped, copied, or the caller's. */
#ifndef LCNN_BYTES_H
#define LCNN_BYTES_H

#include <stddef.h>

typedef struct {
    const unsigned char *start; /* NULL: there are none */
    size_t size;
    void *mapped, *copied; /* what is to be released */
} lcnn_bytes;

/* The bytes of a file, mapped or, with `copy`, in memory of their own, on a line of 64. NULL, and errno, where it
 * cannot be read; errno is 0 where it is no file of at least one byte. */
lcnn_bytes lcnn_bytes_of_file(const char *path, int copy);

/* The bytes at `start`, or, with `copy`, the same in memory of their own. NULL where there is none left. */
lcnn_bytes lcnn_bytes_of_memory(const void *start, size_t size, int copy);

void lcnn_release_bytes(lcnn_bytes bytes);

#endif
