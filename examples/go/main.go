// Classifies pictures, PPM or PGM files of 8 bits: classify PICTURE...
package main

// #include <stdlib.h>
// #include "digits.h"
import "C"

import (
	"bytes"
	"fmt"
	"os"
	"unsafe"
)

type picture struct {
	width, height, channels int
	pixels                  []byte
}

// readPicture reads a PPM (P6) or PGM (P5) file without comments.
func readPicture(path string) (picture, error) {
	var p picture
	content, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	var kind string
	var most int
	reader := bytes.NewReader(content)
	fmt.Fscanf(reader, "%s\n%d %d\n%d\n", &kind, &p.width, &p.height, &most)
	p.channels = map[string]int{"P5": 1, "P6": 3}[kind]
	p.pixels = content[len(content)-reader.Len():]
	if most != 255 || p.width < 1 || p.height < 1 || p.width > 20000 || p.height > 20000 ||
		len(p.pixels) == 0 || len(p.pixels) != p.width*p.height*p.channels {
		return p, fmt.Errorf("%s: expected a PPM or PGM file of 8 bits", path)
	}
	return p, nil
}

// network is a context, in memory of its own. One for each goroutine that runs it; the weights are there once.
type network struct {
	memory  unsafe.Pointer
	context *C.digits_context
}

func newNetwork() network {
	size := C.digits_context_size()
	memory := C.malloc(size)
	return network{memory, C.digits_init(memory, size, nil)}
}

func (n network) close() { C.free(n.memory) }

// classify gives the best class and its probability.
func (n network) classify(p picture) (string, float32, error) {
	var input [C.DIGITS_HEIGHT * C.DIGITS_WIDTH * C.DIGITS_CHANNELS]C.float
	var output [C.DIGITS_OUTPUTS]C.float
	workspace := make([]byte, C.digits_prepare_size(C.int(p.width), C.int(p.height))+8)
	status := C.digits_prepare((*C.uint8_t)(&p.pixels[0]), C.int(p.width), C.int(p.height), C.int(p.channels),
		unsafe.Pointer(&workspace[0]), C.size_t(len(workspace)), &input[0])
	if status == C.DIGITS_OK {
		status = C.digits_run(n.context, &input[0], &output[0])
	}
	if status != C.DIGITS_OK {
		return "", 0, fmt.Errorf("%s", C.GoString(C.digits_message(status)))
	}
	best := 0
	for i := range output {
		if output[i] > output[best] {
			best = i
		}
	}
	label := fmt.Sprint(best)
	if best < C.DIGITS_LABELS {
		label = C.GoString(C.digits_labels[best])
	}
	return label, float32(output[best]), nil
}

func main() {
	n, code := newNetwork(), 0
	for _, path := range os.Args[1:] {
		p, err := readPicture(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 2
			continue
		}
		label, probability, err := n.classify(p)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %s\n", path, err)
			code = 2
			continue
		}
		fmt.Printf("%s: %s %.2f\n", path, label, probability)
	}
	n.close()
	os.Exit(code)
}
