package fetch

import (
	"context"
	"io"

	"cogweave/core"
	"cogweave/fetch/store"
)

// part is the sink of one range of one piece, which may end early at the end of the file.
type part struct {
	want core.ByteRange
	room []byte // what the answer may be read into; nil without
	data []byte // as long as the answer, once there is one
	have int
}

func (p *part) rest() core.ByteRange {
	return core.ByteRange{Start: p.want.Start + int64(p.have), End: p.want.End}
}

func (p *part) take(answer store.Body) error {
	if p.data == nil {
		p.want.End = answer.Range().End
		if n := p.want.Len(); n <= int64(len(p.room)) {
			p.data = p.room[:n:n]
		} else {
			p.data = make([]byte, n)
		}
	}
	n, err := io.ReadFull(answer, p.data[p.have:])
	p.have += n
	return err
}

func (p *part) rewind() { p.have = 0 }

// readPart reads one range, without cache or sharing, into room if it fits. The data is shorter where the
// file ends.
func (c *Client) readPart(ctx context.Context, href string, want store.Identity, r core.ByteRange, room []byte) ([]byte, store.Identity, error) {
	p := &part{want: r, room: room}
	id, err := c.transfer(ctx, href, want, p)
	if err != nil {
		return nil, id, withRange(err, r)
	}
	return p.data, id, nil
}
