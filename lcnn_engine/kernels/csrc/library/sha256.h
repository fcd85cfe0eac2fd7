/* SHA-256 (FIPS 180-4). */
#ifndef LCNN_SHA256_H
#define LCNN_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* OUT digest: of `size` bytes. */
void lcnn_sha256(const unsigned char *bytes, size_t size, unsigned char digest[32]);

#endif
