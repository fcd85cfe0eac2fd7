/* The fields of every kernel's calls, for those who fill them from another language. */
#ifndef LCNN_LAYOUTS_H
#define LCNN_LAYOUTS_H

typedef struct {
    const char *type, *name;
} lcnn_field;

typedef struct {
    const char *kernel;
    const lcnn_field *fields; /* in order, as a C struct has them; the last one's name is NULL */
} lcnn_layout;

/* Of every kernel, in the order of LCNN_KERNELS. */
const lcnn_layout *lcnn_layouts(void);

/* Names of activations, capabilities and constants (constants.h), the last one NULL; values of constants. */
const char *const *lcnn_activation_names(void);
const char *const *lcnn_capability_names(void);
const char *const *lcnn_constant_names(void);
const long *lcnn_constant_values(void);

#endif
