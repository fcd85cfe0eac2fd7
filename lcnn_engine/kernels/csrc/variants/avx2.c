#include "variants/avx2.h"

#include "variants/variant.inc.h"
