#include "variants/avx512.h"

#include "variants/variant.inc.h"
