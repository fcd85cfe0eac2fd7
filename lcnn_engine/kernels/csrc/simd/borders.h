/* The zeros around the planes of a map (calls.h), which whoever writes the map writes too. */
#ifndef LCNN_BORDERS_H
#define LCNN_BORDERS_H

#include "calls.h"
#include "simd/runs.h"

/* Write zeros into the border of one plane: before its first value and behind its last one. */
INLINE void clear_top_and_bottom(const lcnn_map *map, float *arena, int64_t channel)
{
    float *first = arena + map->offset + channel * map->plane;
    if (map->top + map->left) zero_run(first - map->top * map->row - map->left, map->top * map->row + map->left);
    zero_run(first + (map->height - 1) * map->row + map->width, map->right + map->bottom * map->row);
}

/* The whole border. */
static void clear_border(const lcnn_map *map, float *arena, int64_t channel)
{
    if (map->top + map->bottom + map->left + map->right == 0) return;
    float *first = arena + map->offset + channel * map->plane;
    const int64_t between = map->row - map->width; /* right border of a row and left border of the next */
    const lanes_mask mask = first_lanes(min_i64(between, LCNN_WIDTH));
    for (int64_t y = 0; between && y + 1 < map->height; y++) {
        float *gap = first + y * map->row + map->width;
        if (between <= LCNN_WIDTH) vstore_masked(gap, vset(0.0f), mask); /* nearly always: no loop for a few floats */
        else zero_run(gap, between);
    }
    clear_top_and_bottom(map, arena, channel);
}

#endif
