/* The least that a C program needs: a raw input on the standard input, float32 (HEIGHT, WIDTH, CHANNELS), and the
 * result as text. */
#include <stdio.h>

#include "network.h"

int main(void)
{
    static float input[NETWORK_HEIGHT * NETWORK_WIDTH * NETWORK_CHANNELS], output[NETWORK_OUTPUTS];
    if (fread(input, sizeof input, 1, stdin) != 1) {
        fprintf(stderr, "expected %zu bytes on the standard input\n", sizeof input);
        return 2;
    }
    const network_status status = network_predict(input, output);
    if (status != NETWORK_OK) {
        fprintf(stderr, "%s\n", network_message(status));
        return 1;
    }
    for (int i = 0; i < NETWORK_OUTPUTS; i++) printf("%.9g\n", (double)output[i]);
    return 0;
}
