#include "library/contract.h"

#include "calls.h"
#include "variants/variant.h"

#define FIELD(type, name) #type " " #name ","
#define KERNEL(name, list) #name ":" list(FIELD) "\n",
#define NAME(name, value) #name "\n",
#define KERNEL_NAME(name, list) #name,

static const char *const texts[] = {LCNN_KERNELS(KERNEL) LCNN_ACTIVATIONS(NAME) LCNN_CAPABILITIES(NAME)};

static const struct {
    const char *name;
    long value;
} constants[] = {
#define CONSTANT(name, value) {#name, value},
    LCNN_CONSTANTS(CONSTANT)
#undef CONSTANT
};

static const char *const kernels[] = {LCNN_KERNELS(KERNEL_NAME)};

static uint64_t mixed(uint64_t hash, unsigned char byte) { return (hash ^ byte) * 0x100000001b3; }

static uint64_t mixed_text(uint64_t hash, const char *string)
{
    for (; *string; string++) hash = mixed(hash, (unsigned char)*string);
    return hash;
}

uint64_t lcnn_contract(void)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (unsigned long i = 0; i < sizeof texts / sizeof *texts; i++) hash = mixed_text(hash, texts[i]);
    for (unsigned long i = 0; i < sizeof constants / sizeof *constants; i++) {
        hash = mixed_text(hash, constants[i].name);
        for (int byte = 0; byte < 8; byte++)
            hash = mixed(hash, (unsigned char)((uint64_t)constants[i].value >> 8 * byte));
    }
    return hash;
}

const char *lcnn_kernel_name(int64_t kernel) { return kernels[kernel]; }
