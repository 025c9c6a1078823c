package fetch

import (
	"context"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"
)

// sink takes the bytes of a transfer, in order, from as many answers as it needs.
type sink interface {
	// rest is what is still wanted. It is asked for only while something is.
	rest() core.ByteRange
	// take reads an answer to rest, to its end or to the first error.
	take(answer store.Body) error
	// rewind forgets bytes that another answer cannot be appended to without proof that both come
	// from the same version of the file.
	rewind()
}

// transfer fills a sink with bytes of one version of a file, trying as often as the policy allows. It
// returns the version. The error names href and attempts; its range is the caller's to set.
func (c *Client) transfer(ctx context.Context, href string, want store.Identity, s sink) (store.Identity, *core.Error) {
	now := c.state.Load()
	access := accessOf(ctx)
	scale := time.Duration(s.rest().Len()/slowest) * time.Second
	tries := attempts{cfg: now.cfg, budgets: c.budgets, total: now.cfg.TotalTimeout + scale}
	var refused string       // the href that the server refused, if it did
	var refusal *store.Fault // its answer
	for {
		target, fault := access.sign(ctx, href, refused)
		if fault == nil && target == refused { // the answer would be the same
			return want, failure(refusal, href, tries.made)
		}
		var st store.Store
		if fault == nil {
			st, fault = now.storeFor(target)
		}
		var plain store.Identity
		if fault == nil {
			plain, fault = at(want, target)
		}
		if fault != nil {
			return want, unlessCancelled(ctx, failure(fault, href, tries.made), href)
		}
		tries.host = st.Host(target)
		got, fault := c.attempt(ctx, st, &tries, store.Request{Href: target, Range: s.rest(), Want: plain}, s)
		if access.Signer != nil && (fault == nil || got != (store.Identity{})) {
			got = placed(got, target)
		}
		if fault == nil {
			return got, nil
		}
		if ctx.Err() != nil {
			return want, cancelled(ctx, href)
		}
		if refused == "" && tries.host != "" && fault.Reason == store.AccessDenied {
			refused, refusal = target, fault
			continue
		}
		if got != (store.Identity{}) {
			want = got
		}
		if !want.Strong() {
			s.rewind()
		}
		wait, final := tries.pause(fault)
		if final != nil {
			return want, failure(final, href, tries.made)
		}
		if sleep(ctx, wait) != nil {
			return want, cancelled(ctx, href)
		}
		tries.spent += wait
		c.stats.retries.Add(1)
		access.Tally.Retries.Add(1)
		access.Tally.file(href, 0, 1)
	}
}

// attempt makes one request, once the limits have room for it. The version is known once an answer
// was accepted, even if its bytes then broke off.
func (c *Client) attempt(ctx context.Context, st store.Store, tries *attempts, req store.Request, s sink) (got store.Identity, fault *store.Fault) {
	tries.made++
	ticket, err := c.limits.acquire(ctx, tries.host, req.Range.Len())
	if err != nil {
		return got, &store.Fault{Class: core.Cancelled, Cause: err}
	}
	req.Range = s.rest() // by now it may know better
	scale := time.Duration(req.Range.Len()/slowest) * time.Second
	tally := accessOf(ctx).Tally
	dog := watch(ctx, tries.cfg, min(tries.cfg.AttemptTimeout+scale, max(tries.total-tries.spent, time.Millisecond)))
	fault = &store.Fault{Class: core.Internal} // what a panic leaves behind
	defer func() {
		dog.stop()
		c.limits.release(ticket, fault)
		tries.spent += time.Since(dog.started)
	}()
	c.stats.requests.Add(1)
	tally.Requests.Add(1)
	got, err = c.exchange(dog, st, tries, req, s)
	fault = dog.verdict(err)
	if fault == nil {
		c.budgets.succeed(tries.host)
	}
	return got, fault
}

func (c *Client) exchange(dog *watchdog, st store.Store, tries *attempts, req store.Request, s sink) (store.Identity, error) {
	answer, err := c.open(dog.ctx, st, tries, req)
	if err != nil {
		return store.Identity{}, err
	}
	defer answer.Close()
	return answer.Identity(), s.take(dog.body(answer, &c.stats.bytes, &accessOf(dog.ctx).Tally.Bytes))
}
