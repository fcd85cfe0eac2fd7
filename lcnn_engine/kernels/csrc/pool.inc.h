/* Pools over windows and over whole planes.
 *
 * Strides 1 and 2 are combined in registers. Others go through `column`, which holds one row of the picture's columns
 * combined down the rows, with the identity of the combination where the padding is. */

INLINE vf pooled(const int mean, vf a, vf b) { return mean ? a + b : vmax(a, b); }

/* column[x] = combination of rows [begin, end) of the plane, 0 <= x < width. */
INLINE void pool_rows(const int mean, const float *plane, int64_t row, int64_t begin, int64_t end, int64_t width,
                      float *column)
{
    const float *first = plane + begin * row;
    for (int64_t x = 0; x < width; x += LCNN_WIDTH) {
        const int64_t lanes = smaller(LCNN_WIDTH, width - x);
        vf sum = vload_part(first + x, lanes);
        for (int64_t y = 1; y < end - begin; y++) sum = pooled(mean, sum, vload_part(first + y * row + x, lanes));
        vstore_part(column + x, sum, lanes);
    }
}

/* The windows of one output row along `column`. */
INLINE void pool_columns(const int mean, const float *column, const lcnn_pool *u, int64_t width, float *out)
{
    for (int64_t x = 0; x < width; x++) {
        float sum = column[x * u->stride_w];
        for (int64_t c = 1; c < u->kernel_w; c++) {
            const float next = column[x * u->stride_w + c];
            sum = mean ? sum + next : (next > sum ? next : sum);
        }
        out[x] = sum;
    }
}

/* One vector of a plane's columns, `rows` rows combined. */
INLINE vf pool_down(const int mean, const float *in, int64_t row, int64_t rows)
{
    vf sum = vload(in);
    for (int64_t y = 1; y < rows; y++) sum = pooled(mean, sum, vload(in + y * row));
    return sum;
}

/* One output row for stride 2 and `taps` 2 or 3 columns, from rows that are combined in registers: the even columns of two
 * vectors, the odd ones, and the even ones moved on by one. Reads up to 2 vectors behind the row; windows that leave the
 * picture come out wrong, and are mended by pool_edges. */
INLINE void pool_row_by_2(const int mean, const int taps, const float *in, int64_t row, int64_t rows, int64_t width,
                          float *out)
{
    vf left = pool_down(mean, in, row, rows);
    for (int64_t x = 0; x < width; x += LCNN_WIDTH) {
        const vf right = pool_down(mean, in + 2 * x + LCNN_WIDTH, row, rows);
        const vf even = even_lanes(left, right);
        vf sum = pooled(mean, even, odd_lanes(left, right));
        if (taps == 3 || x + LCNN_WIDTH < width) left = pool_down(mean, in + 2 * x + 2 * LCNN_WIDTH, row, rows);
        if (taps == 3) sum = pooled(mean, sum, next_lanes(even, left));
        vstore_part(out + x, sum, smaller(LCNN_WIDTH, width - x));
    }
}

/* One output row for stride 1. */
INLINE void pool_row_by_1(const int mean, const int64_t taps, const float *in, int64_t row, int64_t rows, int64_t width,
                          float *out)
{
    for (int64_t x = 0; x < width; x += LCNN_WIDTH) {
        vf sum = pool_down(mean, in + x, row, rows);
        for (int64_t c = 1; c < taps; c++) sum = pooled(mean, sum, pool_down(mean, in + x + c, row, rows));
        vstore_part(out + x, sum, smaller(LCNN_WIDTH, width - x));
    }
}

/* The windows of AlexNet and ResNet get loops of constant size. Returns 0 for windows that none of them fits. */
INLINE int pool_row_direct(const int mean, const lcnn_pool *u, const float *in, int64_t row, int64_t rows, int64_t width,
                           float *out)
{
    if (u->stride_w == 2 && u->kernel_w == 3 && rows == 3) pool_row_by_2(mean, 3, in, row, 3, width, out);
    else if (u->stride_w == 2 && u->kernel_w == 3) pool_row_by_2(mean, 3, in, row, rows, width, out);
    else if (u->stride_w == 2 && u->kernel_w == 2 && rows == 2) pool_row_by_2(mean, 2, in, row, 2, width, out);
    else if (u->stride_w == 2 && u->kernel_w == 2) pool_row_by_2(mean, 2, in, row, rows, width, out);
    else if (u->stride_w == 1 && u->kernel_w == 3 && rows == 3) pool_row_by_1(mean, 3, in, row, 3, width, out);
    else if (u->stride_w == 1 && u->kernel_w <= LCNN_REACH) pool_row_by_1(mean, u->kernel_w, in, row, rows, width, out);
    else return 0;
    return 1;
}

/* Window x once more, of only the columns that lie in the picture. */
INLINE void pool_edge(const int mean, const lcnn_pool *u, const float *in, int64_t row, int64_t rows, int64_t in_width,
                      int64_t x, float *out)
{
    const int64_t begin = larger(x * u->stride_w - u->left, 0);
    const int64_t end = smaller(x * u->stride_w - u->left + u->kernel_w, in_width);
    float sum = mean ? 0.0f : -INFINITY;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t c = begin; c < end; c++) {
            const float next = in[y * row + c];
            sum = mean ? sum + next : (next > sum ? next : sum);
        }
    out[x] = sum;
}

/* One output row: of picture rows `in` and following, `rows` in all. */
INLINE void pool_row(const int mean, const lcnn_pool *u, const lcnn_map *map, const float *in, int64_t rows,
                     int64_t width, float *column, float *out)
{
    if (!pool_row_direct(mean, u, in - u->left, map->row, rows, width, out)) {
        pool_rows(mean, in, map->row, 0, rows, map->width, column + u->left);
        pool_columns(mean, column, u, width, out);
        return;
    }
    for (int64_t x = 0; x < width && x * u->stride_w < u->left; x++)
        pool_edge(mean, u, in, map->row, rows, map->width, x, out);
    for (int64_t x = width - 1; x >= 0 && x * u->stride_w - u->left + u->kernel_w > map->width; x--)
        pool_edge(mean, u, in, map->row, rows, map->width, x, out);
}

/* share[x] = 1 / number of the window's columns that lie in the picture. */
INLINE void column_shares(const lcnn_pool *u, int64_t in_width, int64_t width, float *share)
{
    for (int64_t x = 0; x < width; x++) {
        const int64_t begin = larger(x * u->stride_w - u->left, 0);
        share[x] = 1.0f / (float)(smaller(x * u->stride_w - u->left + u->kernel_w, in_width) - begin);
    }
}

INLINE void scale_by_shares(const float *share, float rows, int64_t width, float *out)
{
    const vf factor = vset(1.0f / rows);
    for (int64_t x = 0; x < width; x += LCNN_WIDTH) {
        const int64_t lanes = smaller(LCNN_WIDTH, width - x);
        vstore_part(out + x, vload_part(out + x, lanes) * (vload_part(share + x, lanes) * factor), lanes);
    }
}

INLINE void pool(const int mean, const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_pool *u = &step->u.pool;
    const lcnn_map *in = &step->in[0], *out = &step->out;
    float *column = context->scratch, *share = column + u->span;
    for (int64_t i = 0; i < u->span; i++) column[i] = mean ? 0.0f : -INFINITY;
    if (mean) column_shares(u, in->width, out->width, share);
    for (int64_t channel = begin; channel < end; channel++) {
        const float *source = context->arena + in->offset + channel * in->plane;
        float *target = context->arena + out->offset + channel * out->plane;
        for (int64_t y = 0; y < out->height; y++) {
            const int64_t at = y * u->stride_h - u->top, first = larger(at, 0);
            const int64_t rows = smaller(at + u->kernel_h, in->height) - first;
            float *row = target + y * out->row;
            pool_row(mean, u, in, source + first * in->row, rows, out->width, column, row);
            if (mean) scale_by_shares(share, (float)rows, out->width, row);
        }
        clear_border(out, context->arena, channel);
    }
}

static void max_pool(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    pool(0, step, context, begin, end);
}

static void avg_pool(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    pool(1, step, context, begin, end);
}

/* Sum or maximum of a run, in lanes. The last vector overlaps the one before it where lanes would be missing for a
 * maximum; a sum has zeros there. */
INLINE vf global_run(const int mean, const float *in, int64_t length, vf sum)
{
    int64_t x = 0;
    for (; x + LCNN_WIDTH <= length; x += LCNN_WIDTH) sum = pooled(mean, sum, vload(in + x));
    if (x == length) return sum;
    if (mean) return sum + vload_part(in + x, length - x);
    if (length >= LCNN_WIDTH) return vmax(sum, vload(in + length - LCNN_WIDTH));
    for (; x < length; x++) sum = vmax(sum, vset(in[x]));
    return sum;
}

INLINE void global_pool(const int mean, const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *in = &step->in[0], *out = &step->out;
    const int64_t runs = in->row == in->width ? 1 : in->height, length = in->height * in->width / runs;
    const float share = 1.0f / (float)(in->height * in->width);
    for (int64_t channel = begin; channel < end; channel++) {
        const float *source = context->arena + in->offset + channel * in->plane;
        vf sum = vset(mean ? 0.0f : -INFINITY);
        for (int64_t y = 0; y < runs; y++) sum = global_run(mean, source + y * in->row, length, sum);
        float *target = context->arena + out->offset + channel * out->plane;
        *target = mean ? sum_of_lanes(sum) * share : largest_lane(sum);
        clear_border(out, context->arena, channel);
    }
}

static void global_max(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    global_pool(0, step, context, begin, end);
}

static void global_avg(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    global_pool(1, step, context, begin, end);
}
