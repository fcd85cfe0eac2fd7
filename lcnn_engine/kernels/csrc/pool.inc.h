/* Pools over windows and over whole planes.
 *
 * A block of output rows is first combined down the picture's rows, in vectors along the row, into `columns`; then along
 * the columns. (Reading a column right after it was written, at another alignment, would wait for the store.) Columns in
 * the padding hold the identity of the combination. */

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

/* One vector of windows: taps c = 0 .. taps - 1 at column[x * stride + c]. Reads up to stride * LCNN_WIDTH + taps floats. */
INLINE vf pool_taps(const int mean, const float *column, const int64_t taps, const int64_t stride)
{
    vf sum = stride == 1 ? vload(column) : even_lanes(vload(column), vload(column + LCNN_WIDTH));
    for (int64_t c = 1; c < taps; c++) {
        const vf tap = stride == 1 ? vload(column + c) : even_lanes(vload(column + c), vload(column + c + LCNN_WIDTH));
        sum = pooled(mean, sum, tap);
    }
    return sum;
}

INLINE void pool_columns(const int mean, const float *column, const int64_t taps, const int64_t stride, int64_t width,
                         float *out)
{
    if (stride <= 2) {
        for (int64_t x = 0; x < width; x += LCNN_WIDTH)
            vstore_part(out + x, pool_taps(mean, column + x * stride, taps, stride), smaller(LCNN_WIDTH, width - x));
        return;
    }
    for (int64_t x = 0; x < width; x++) {
        float sum = column[x * stride];
        for (int64_t c = 1; c < taps; c++) {
            const float next = column[x * stride + c];
            sum = mean ? sum + next : (next > sum ? next : sum);
        }
        out[x] = sum;
    }
}

/* The windows of AlexNet and ResNet get loops of constant size. */
INLINE void pool_columns_of(const int mean, const float *column, const lcnn_pool *u, int64_t width, float *out)
{
    if (u->stride_w == 2 && u->kernel_w == 3) pool_columns(mean, column, 3, 2, width, out);
    else if (u->stride_w == 2 && u->kernel_w == 2) pool_columns(mean, column, 2, 2, width, out);
    else if (u->stride_w == 1 && u->kernel_w == 3) pool_columns(mean, column, 3, 1, width, out);
    else if (u->stride_w == 1) pool_columns(mean, column, u->kernel_w, 1, width, out);
    else if (u->stride_w == 2) pool_columns(mean, column, u->kernel_w, 2, width, out);
    else pool_columns(mean, column, u->kernel_w, u->stride_w, width, out);
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
    const int64_t span = u->span;
    float *columns = context->scratch, *share = columns + LCNN_POOL_ROWS * span + 3 * LCNN_WIDTH;
    for (int64_t i = 0; i < LCNN_POOL_ROWS * span + 3 * LCNN_WIDTH; i++) columns[i] = mean ? 0.0f : -INFINITY;
    if (mean) column_shares(u, in->width, out->width, share);
    for (int64_t channel = begin; channel < end; channel++) {
        const float *source = context->arena + in->offset + channel * in->plane;
        float *target = context->arena + out->offset + channel * out->plane;
        for (int64_t block = 0; block < out->height; block += LCNN_POOL_ROWS) {
            const int64_t rows = smaller(LCNN_POOL_ROWS, out->height - block);
            for (int64_t y = 0; y < rows; y++) {
                const int64_t at = (block + y) * u->stride_h - u->top;
                pool_rows(mean, source, in->row, larger(at, 0), smaller(at + u->kernel_h, in->height), in->width,
                          columns + y * span + u->left);
            }
            for (int64_t y = 0; y < rows; y++) {
                const int64_t at = (block + y) * u->stride_h - u->top;
                float *row = target + (block + y) * out->row;
                pool_columns_of(mean, columns + y * span, u, out->width, row);
                if (mean)
                    scale_by_shares(share, (float)(smaller(at + u->kernel_h, in->height) - larger(at, 0)), out->width, row);
            }
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
