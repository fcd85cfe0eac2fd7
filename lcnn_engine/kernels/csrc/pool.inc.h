/* Pools over windows and over whole planes. A window is first combined down its rows, in vectors along the row, then
 * along the row; columns in the padding hold the identity of the combination. */

INLINE vf pool_vector(const int mean, vf a, vf b) { return mean ? a + b : vmax(a, b); }
INLINE float pool_scalar(const int mean, float a, float b) { return mean ? a + b : (a > b ? a : b); }

/* column[x] = combination of rows [begin, end) of the plane. */
INLINE void pool_rows(const int mean, const float *plane, int64_t row, int64_t begin, int64_t end, int64_t width,
                      float *column)
{
    int64_t x = 0;
    for (; x + LCNN_WIDTH <= width; x += LCNN_WIDTH) {
        vf sum = vload(plane + begin * row + x);
        for (int64_t y = begin + 1; y < end; y++) sum = pool_vector(mean, sum, vload(plane + y * row + x));
        vstore(column + x, sum);
    }
    for (; x < width; x++) {
        float sum = plane[begin * row + x];
        for (int64_t y = begin + 1; y < end; y++) sum = pool_scalar(mean, sum, plane[y * row + x]);
        column[x] = sum;
    }
}

INLINE void pool_columns(const int mean, const float *restrict column, const int64_t taps, const int64_t stride,
                         int64_t width, float *restrict out)
{
    for (int64_t x = 0; x < width; x++) {
        float sum = column[x * stride];
        for (int64_t c = 1; c < taps; c++) sum = pool_scalar(mean, sum, column[x * stride + c]);
        out[x] = sum;
    }
}

/* The windows of AlexNet and ResNet get loops of constant size. */
INLINE void pool_columns_of(const int mean, const float *column, const lcnn_pool *u, int64_t width, float *out)
{
    if (u->kernel_w == 3 && u->stride_w == 2) pool_columns(mean, column, 3, 2, width, out);
    else if (u->kernel_w == 2 && u->stride_w == 2) pool_columns(mean, column, 2, 2, width, out);
    else if (u->kernel_w == 3 && u->stride_w == 1) pool_columns(mean, column, 3, 1, width, out);
    else pool_columns(mean, column, u->kernel_w, u->stride_w, width, out);
}

/* Divide sums by the number of places of each window that lie in the picture. */
INLINE void pool_divide(const lcnn_pool *u, int64_t in_width, int64_t rows, int64_t width, float *out)
{
    for (int64_t x = 0; x < width; x++) {
        const int64_t begin = larger(x * u->stride_w - u->left, 0);
        const int64_t end = smaller(x * u->stride_w - u->left + u->kernel_w, in_width);
        out[x] /= (float)(rows * (end - begin));
    }
}

INLINE void pool(const int mean, const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_pool *u = &step->u.pool;
    const lcnn_map *in = &step->in[0], *out = &step->out;
    const float identity = mean ? 0.0f : -INFINITY;
    const int64_t span = (out->width - 1) * u->stride_w + u->kernel_w; /* columns that windows reach */
    float *column = context->scratch;
    for (int64_t x = 0; x < larger(span, u->left + in->width); x++) column[x] = identity;
    for (int64_t channel = begin; channel < end; channel++) {
        const float *source = context->arena + in->offset + channel * in->plane;
        float *target = context->arena + out->offset + channel * out->plane;
        clear_border(out, context->arena, channel);
        for (int64_t y = 0; y < out->height; y++) {
            const int64_t first = larger(y * u->stride_h - u->top, 0);
            const int64_t last = smaller(y * u->stride_h - u->top + u->kernel_h, in->height);
            pool_rows(mean, source, in->row, first, last, in->width, column + u->left);
            pool_columns_of(mean, column, u, out->width, target + y * out->row);
            if (mean) pool_divide(u, in->width, last - first, out->width, target + y * out->row);
        }
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

INLINE void global_pool(const int mean, const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *in = &step->in[0], *out = &step->out;
    for (int64_t channel = begin; channel < end; channel++) {
        const float *source = context->arena + in->offset + channel * in->plane;
        double sum = 0; /* a mean over a large picture needs the digits */
        float most = -INFINITY;
        for (int64_t y = 0; y < in->height; y++) {
            float row_sum = 0;
            for (int64_t x = 0; x < in->width; x++) {
                const float v = source[y * in->row + x];
                row_sum += v;
                most = v > most ? v : most;
            }
            sum += row_sum;
        }
        context->arena[out->offset + channel * out->plane] = mean ? (float)(sum / (double)(in->height * in->width)) : most;
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
