#define _GNU_SOURCE
#include "runtime/memory.h"

#include <stdint.h>
#include <stdlib.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

#define LINE 64
#define LARGE_PAGE ((size_t)2 << 20)

static void *align(void *p, size_t multiple) { return (void *)(((uintptr_t)p + multiple - 1) / multiple * multiple); }

static lcnn_block allocate_lines(size_t bytes)
{
    void *block = calloc(bytes + LINE, 1);
    return (lcnn_block){.start = block ? align(block, LINE) : NULL, .block = block};
}

lcnn_block lcnn_allocate(size_t bytes)
{
#ifdef MADV_HUGEPAGE
    if (bytes >= LARGE_PAGE / 2) {
        lcnn_block block = {.bytes = bytes / LARGE_PAGE * LARGE_PAGE + 2 * LARGE_PAGE};
        void *mapped = mmap(NULL, block.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) return (lcnn_block){0};
        block.block = mapped;
        block.start = align(mapped, LARGE_PAGE);
        madvise(block.start, block.bytes - LARGE_PAGE, MADV_HUGEPAGE); /* only advice: small pages do as well */
        return block;
    }
#endif
    return allocate_lines(bytes);
}

void lcnn_release(lcnn_block block)
{
#ifdef MADV_HUGEPAGE
    if (block.bytes) {
        munmap(block.block, block.bytes);
        return;
    }
#endif
    free(block.block);
}
