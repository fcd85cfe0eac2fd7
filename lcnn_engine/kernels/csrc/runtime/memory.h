/* Zeroed memory for activations, in large pages where the system has them: a run touches every page of its arena, and
 * in a virtual machine each miss of the address cache costs as much as a hundred multiply-adds. */
#ifndef LCNN_MEMORY_H
#define LCNN_MEMORY_H

#include <stddef.h>

typedef struct {
    void *start;  /* on a line of 64 bytes; NULL: there was no memory */
    void *block;  /* what the system gave */
    size_t bytes; /* of the block, if it was mapped; else 0 */
} lcnn_block;

/* Pages that are never touched cost nothing. */
lcnn_block lcnn_allocate(size_t bytes);
void lcnn_release(lcnn_block block);

#endif
