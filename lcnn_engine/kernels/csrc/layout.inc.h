/* Moving activations between memory orders: the caller's (H, W, C), planes, and planes split by stride. */

/* Finite numbers only: x - x is 0 for them and not for infinities and NaN. */
INLINE int any_not_finite(const float *x, int64_t length)
{
    int64_t i = 0;
    vf bad = vset(0.0f);
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) {
        const vf v = vload(x + i);
        bad += v - v;
    }
    float sum = 0;
    for (int lane = 0; lane < LCNN_WIDTH; lane++) sum += bad[lane];
    for (; i < length; i++) sum += x[i] - x[i];
    return !(sum == 0);
}

INLINE void strided_run(float *out, const float *in, int64_t length, const int64_t stride)
{
    for (int64_t i = 0; i < length; i++) out[i] = in[i * stride];
}

/* Every second, or every fourth float, by shuffles. The last vector goes one by one: its loads would end behind the last
 * float that is wanted, which may be the last of the caller's array. */
INLINE void even_run(float *out, const float *in, int64_t length, const int64_t stride)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH < length; i += LCNN_WIDTH) {
        const float *p = in + i * stride;
        vf v = even_lanes(vload(p), vload(p + LCNN_WIDTH));
        if (stride == 4) v = even_lanes(v, even_lanes(vload(p + 2 * LCNN_WIDTH), vload(p + 3 * LCNN_WIDTH)));
        vstore(out + i, v);
    }
    strided_run(out + i, in + i * stride, length - i, stride);
}

/* out[i] = in[i * stride]. The strides of colour pictures and of phases 2 and 4 get loops of their own. */
static void gather_run(float *out, const float *in, int64_t length, int64_t stride)
{
    switch (stride) {
    case 1: copy_run(out, in, length); break;
    case 2: even_run(out, in, length, 2); break;
    case 3: strided_run(out, in, length, 3); break;
    case 4: even_run(out, in, length, 4); break;
    case 6: strided_run(out, in, length, 6); break;
    case 12: strided_run(out, in, length, 12); break;
    default: strided_run(out, in, length, stride);
    }
}

#define MOST_PHASES 16 /* that are split off together */

/* Columns of one phase: `first` zeros, `count` that lie in the picture, from column `x` of it on, and zeros again. */
typedef struct {
    int64_t first, count, x;
} phase_columns;

INLINE phase_columns columns_of(const lcnn_arrange *u, int64_t phase_x)
{
    const int64_t shift = u->left - phase_x; /* column b reads x = b * stride - shift */
    const int64_t first = smaller(shift > 0 ? (shift + u->stride_w - 1) / u->stride_w : 0, u->columns);
    const int64_t reach = u->width + shift; /* columns with b * stride < reach */
    const int64_t stop = larger(first, smaller(reach > 0 ? (reach + u->stride_w - 1) / u->stride_w : 0, u->columns));
    return (phase_columns){first, stop - first, first * u->stride_w - shift};
}

INLINE void zero_around(const lcnn_arrange *u, const phase_columns *at, float *out)
{
    zero_run(out, at->first);
    zero_run(out + at->first + at->count, u->columns - at->first - at->count);
}

/* Row y of the source to row a of one phase, all channels. */
INLINE void arrange_phase(const lcnn_arrange *u, const float *source, int64_t y, const phase_columns *at, float *out)
{
    const float *in = source + y * u->row_stride + at->x * u->x_stride;
    for (int64_t c = 0; c < u->channels; c++, out += u->plane, in += u->channel_stride) {
        zero_around(u, at, out);
        gather_run(out + at->first, in, at->count, u->stride_w * u->x_stride);
    }
}

/* The same for phases [first, first + phases) of the list, which lie in one row of an interleaved picture: LCNN_WIDTH
 * columns are read, each with all the phases and channels it is split into, and transposed in registers. What lies around
 * the columns that all phases have in the picture goes one by one. */
INLINE void arrange_together(const lcnn_arrange *u, const float *row, const int32_t *phase_x, int64_t phases,
                             const phase_columns *at, float *target)
{
    const int64_t group = u->stride_w * u->channels, plane = u->rows * u->columns;
    const int64_t overhang = (LCNN_WIDTH - 1) / group; /* columns that the last load reads and does not want */
    int64_t begin = (u->left + u->stride_w - 1) / u->stride_w, stop = u->columns;
    for (int64_t p = 0; p < phases; p++) {
        begin = larger(begin, at[p].first);
        stop = smaller(stop, at[p].first + at[p].count);
    }
    int64_t b = begin;
    for (; b + LCNN_WIDTH + overhang < stop; b += LCNN_WIDTH) {
        vf columns[LCNN_WIDTH];
        const float *in = row + (b * u->stride_w - u->left) * u->channels;
        for (int i = 0; i < LCNN_WIDTH; i++) columns[i] = vload(in + i * group);
        transpose(columns);
        for (int64_t p = 0; p < phases; p++)
            for (int64_t c = 0; c < u->channels; c++)
                vstore(target + c * u->plane + p * plane + b, columns[phase_x[p] * u->channels + c]);
    }
    for (int64_t p = 0; p < phases; p++) {
        const int64_t before = smaller(begin - at[p].first, at[p].count), done = smaller(b - at[p].first, at[p].count);
        for (int64_t c = 0; c < u->channels; c++) {
            float *out = target + c * u->plane + p * plane;
            const float *in = row + at[p].x * u->x_stride + c;
            zero_around(u, &at[p], out);
            strided_run(out + at[p].first, in, before, group);
            strided_run(out + at[p].first + done, in + done * group, at[p].count - done, group);
        }
    }
}

/* Every number of the caller's picture is looked at once: unit `row` reads its share of the picture's rows. */
static void check_input(const lcnn_step *step, const lcnn_context *context, int64_t unit)
{
    const lcnn_arrange *u = &step->u.arrange;
    const int64_t begin = u->height * unit / step->units, end = u->height * (unit + 1) / step->units;
    if (any_not_finite(context->input + begin * u->row_stride, (end - begin) * u->row_stride))
        __atomic_store_n(context->rejected, 1, __ATOMIC_RELAXED);
}

/* Row a of phases [first, first + phases) of the list, which all lie in row y of the source. */
INLINE void arrange_row(const lcnn_arrange *u, const float *source, int64_t y, int64_t phases, const int32_t *phase_x,
                        const phase_columns *at, float *target)
{
    const int64_t group = u->stride_w * u->channels, plane = u->rows * u->columns;
    const int interleaved = u->channel_stride == 1 && u->x_stride == u->channels;
    if (y < 0 || y >= u->height) {
        for (int64_t p = 0; p < phases; p++)
            for (int64_t c = 0; c < u->channels; c++) zero_run(target + c * u->plane + p * plane, u->columns);
    } else if (interleaved && group <= LCNN_WIDTH && 4 * phases * u->channels > LCNN_WIDTH) {
        arrange_together(u, source + y * u->row_stride, phase_x, phases, at, target);
    } else {
        for (int64_t p = 0; p < phases; p++) arrange_phase(u, source, y, &at[p], target + p * plane);
    }
}

/* How many of the phases from `first` on lie in one row of the source, at most MOST_PHASES. */
INLINE int64_t phases_of_row(const lcnn_arrange *u, int64_t first)
{
    int64_t phases = 1;
    while (phases < MOST_PHASES && first + phases < u->phases && u->phase_y[first + phases] == u->phase_y[first]) phases++;
    return phases;
}

static void arrange(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_arrange *u = &step->u.arrange;
    const float *source = u->source < 0 ? context->input : context->arena + u->source;
    for (int64_t a = begin; u->source < 0 && a < end; a++) check_input(step, context, a);
    for (int64_t first = 0, phases; first < u->phases; first += phases) {
        phase_columns at[MOST_PHASES];
        phases = phases_of_row(u, first);
        for (int64_t p = 0; p < phases; p++) at[p] = columns_of(u, u->phase_x[first + p]);
        for (int64_t a = begin; a < end; a++)
            arrange_row(u, source, a * u->stride_h + u->phase_y[first] - u->top, phases, u->phase_x + first, at,
                        context->arena + u->target + (first * u->rows + a) * u->columns);
    }
}

/* Pixels [begin, begin + count) of all planes, at `source`, to channels-last order: blocks of LCNN_WIDTH pixels and as
 * many channels are transposed in registers. */
static void emit_run(const float *source, int64_t plane, int64_t channels, int64_t count, float *out)
{
    for (int64_t c = 0; c < channels; c += LCNN_WIDTH) {
        const int64_t lanes = smaller(LCNN_WIDTH, channels - c);
        for (int64_t x = 0; x < count; x += LCNN_WIDTH) {
            const int64_t pixels = smaller(LCNN_WIDTH, count - x);
            vf rows[LCNN_WIDTH];
            for (int64_t i = 0; i < LCNN_WIDTH; i++)
                rows[i] = i < lanes ? vload_part(source + (c + i) * plane + x, pixels) : vset(0.0f);
            transpose(rows);
            for (int64_t i = 0; i < pixels; i++) vstore_part(out + (x + i) * channels + c, rows[i], lanes);
        }
    }
}

static void emit(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *in = &step->in[0];
    const int64_t channels = in->channels, size = in->height * in->width * channels;
    const float *source = context->arena + in->offset + begin * in->row;
    float *target = step->u.emit.output < 0 ? context->arena + step->u.emit.target
                                            : context->outputs[step->u.emit.output] + context->picture * size;
    target += begin * in->width * channels;
    if (in->plane == 1) copy_run(target, source, channels);
    else if (in->row == in->width) emit_run(source, in->plane, channels, (end - begin) * in->width, target);
    else
        for (int64_t y = 0; y < end - begin; y++)
            emit_run(source + y * in->row, in->plane, channels, in->width, target + y * in->width * channels);
}
