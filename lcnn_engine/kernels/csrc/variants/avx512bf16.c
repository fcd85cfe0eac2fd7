#include "variants/avx512bf16.h"

#include "variants/variant.inc.h"
