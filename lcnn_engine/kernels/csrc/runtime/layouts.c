#include "runtime/layouts.h"

#include <stddef.h>

#include "variants/variant.h"

#define FIELD(type, name) {#type, #name},
#define FIELDS(name, list) static const lcnn_field fields_of_##name[] = {list(FIELD){NULL, NULL}};
#define LAYOUT(name, list) {#name, fields_of_##name},
#define NAME(name, value) #name,
#define VALUE(name, value) value,

LCNN_KERNELS(FIELDS)

static const lcnn_layout layouts[] = {LCNN_KERNELS(LAYOUT)};
static const char *const activations[] = {LCNN_ACTIVATIONS(NAME) NULL};
static const char *const capabilities[] = {LCNN_CAPABILITIES(NAME) NULL};
static const char *const constant_names[] = {LCNN_CONSTANTS(NAME) NULL};
static const long constant_values[] = {LCNN_CONSTANTS(VALUE)};

const lcnn_layout *lcnn_layouts(void) { return layouts; }
const char *const *lcnn_activation_names(void) { return activations; }
const char *const *lcnn_capability_names(void) { return capabilities; }
const char *const *lcnn_constant_names(void) { return constant_names; }
const long *lcnn_constant_values(void) { return constant_values; }
