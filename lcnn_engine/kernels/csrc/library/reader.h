/* The numbers of a plan file one after the other: words of 8 bytes, the lowest byte first. Where the bytes end too
 * soon, or a number is not what it must be, the reader fails for good, and gives what does no harm from then on. */
#ifndef LCNN_READER_H
#define LCNN_READER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "kernels read constants as they lie in the file: the lowest byte first"
#endif

typedef struct {
    const unsigned char *at, *end; /* `at` is on 8 bytes from the start of the file */
    int failed;
} lcnn_reader;

/* Any word. */
static inline uint64_t lcnn_next_word(lcnn_reader *reader)
{
    uint64_t word = 0;
    if (reader->failed || reader->end - reader->at < (ptrdiff_t)sizeof word) {
        reader->failed = 1;
        return 0;
    }
    memcpy(&word, reader->at, sizeof word);
    reader->at += sizeof word;
    return word;
}

/* A whole number from `low` to `high`; `low` where it is another. */
static inline int64_t lcnn_next_int(lcnn_reader *reader, int64_t low, int64_t high)
{
    const int64_t number = (int64_t)lcnn_next_word(reader);
    if (number < low || number > high) reader->failed = 1;
    return reader->failed ? low : number;
}

/* A float, which the file has as a double. */
static inline float lcnn_next_float(lcnn_reader *reader)
{
    const uint64_t word = lcnn_next_word(reader);
    double number;
    memcpy(&number, &word, sizeof number);
    if (number - number == 0.0 && !(number >= -3.4028234663852886e38 && number <= 3.4028234663852886e38))
        reader->failed = 1; /* no float is so large */
    return reader->failed ? 0.0f : (float)number;
}

/* A string of up to `most` bytes: their number, the bytes, and zeros up to the next word, one at least. */
static inline const char *lcnn_next_string(lcnn_reader *reader, int64_t most)
{
    const int64_t length = lcnn_next_int(reader, 0, most), room = length / 8 * 8 + 8;
    const char *string = (const char *)reader->at;
    if (reader->failed || reader->end - reader->at < room || memchr(string, 0, (size_t)length)) reader->failed = 1;
    for (int64_t i = length; !reader->failed && i < room; i++)
        if (string[i] != 0) reader->failed = 1;
    if (reader->failed) return "";
    reader->at += room;
    return string;
}

#endif
