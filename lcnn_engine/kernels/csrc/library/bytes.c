#define _GNU_SOURCE
#include "library/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE 64

static lcnn_bytes allocated(size_t size)
{
    lcnn_bytes bytes = {NULL, size, NULL, NULL};
    if (size > SIZE_MAX - LINE || !(bytes.copied = malloc(size + LINE))) return bytes;
    bytes.start = (unsigned char *)bytes.copied + (LINE - (uintptr_t)bytes.copied % LINE);
    return bytes;
}

/* A file that ends sooner than it said gives nothing. */
static lcnn_bytes copied(int file, size_t size)
{
    lcnn_bytes bytes = allocated(size);
    for (size_t done = 0; bytes.start && done < size;) {
        const ssize_t count = read(file, (unsigned char *)(uintptr_t)bytes.start + done, size - done);
        if (count > 0) done += (size_t)count;
        else if (count == 0 || errno != EINTR) {
            if (count == 0) errno = EIO;
            free(bytes.copied);
            return (lcnn_bytes){NULL, 0, NULL, NULL};
        }
    }
    return bytes;
}

static lcnn_bytes mapped(int file, size_t size)
{
    void *start = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
    if (start == MAP_FAILED) return (lcnn_bytes){NULL, 0, NULL, NULL};
    return (lcnn_bytes){start, size, start, NULL};
}

lcnn_bytes lcnn_bytes_of_file(const char *path, int copy)
{
    lcnn_bytes bytes = {NULL, 0, NULL, NULL};
    struct stat about;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer would wait for ever */
    if (file < 0) return bytes;
    if (fstat(file, &about) == 0) {
        errno = 0;
        if (S_ISREG(about.st_mode) && about.st_size > 0 && (uintmax_t)about.st_size <= SIZE_MAX / 2)
            bytes = copy ? copied(file, (size_t)about.st_size) : mapped(file, (size_t)about.st_size);
    }
    const int error = errno;
    close(file);
    errno = error;
    return bytes;
}

lcnn_bytes lcnn_bytes_of_memory(const void *start, size_t size, int copy)
{
    if (!copy) return (lcnn_bytes){start, size, NULL, NULL};
    lcnn_bytes bytes = allocated(size);
    if (bytes.start) memcpy((unsigned char *)(uintptr_t)bytes.start, start, size);
    return bytes;
}

void lcnn_release_bytes(lcnn_bytes bytes)
{
    if (bytes.mapped) munmap(bytes.mapped, bytes.size);
    free(bytes.copied);
}
