package tail

import (
	"bufio"
	"io"
)

// ReadFrom appends all lines of a reader. The last one need not end with a line break.
func (t *Tail) ReadFrom(r io.Reader) (int64, error) {
	counted := &counter{r: r}
	scanner := bufio.NewScanner(counted)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		t.Append(scanner.Text())
	}
	return counted.n, scanner.Err()
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
