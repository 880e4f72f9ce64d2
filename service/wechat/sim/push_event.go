package sim

import (
	"container/heap"
	"context"
	"hash/maphash"
	"sync"
	"time"
)

const (
	eventPopup  = "subscribe_msg_popup_event"  // the answer to a prompt
	eventChange = "subscribe_msg_change_event" // withdrawn in the menu
	eventSent   = "subscribe_msg_sent_event"   // what became of a message

	endpointEvents = "events" // not a path: the platform's own call of the message push
	eventPatience  = 5 * time.Second
	eventAgain     = 5 * time.Second
	eventRetries   = 3
	eventDelay     = time.Second // of one that comes out of order
	eventLanes     = 16
	maxEvents      = 1_000_000 // that wait; more are lost
)

// event is a message push on its way.
type event struct {
	name       string
	openID     string
	templateID string
	msgID      int64 // of eventSent
	accepted   bool  // by the person, or by the phone
	at         time.Time

	serial   uint64
	attempts int
	next     time.Time
	fault    Fault // of this attempt
}

// eventQueue is a heap, the next one due first.
type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }

func (q eventQueue) Less(i, j int) bool {
	if c := q[i].next.Compare(q[j].next); c != 0 {
		return c < 0
	}
	return q[i].serial < q[j].serial
}

func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *eventQueue) Push(x any) { *q = append(*q, x.(*event)) }

func (q *eventQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}

// events is the side of the message push.
type events struct {
	platform *Platform
	seal     *eventSeal
	seed     maphash.Seed

	mu     sync.Mutex
	queue  eventQueue
	serial uint64
	epoch  int // how often it was reset: an event of another epoch is forgotten
}

func newEvents(p *Platform, cfg EventConfig) *events {
	return &events{platform: p, seal: newEventSeal(cfg, p.cfg.AppID), seed: maphash.MakeSeed()}
}

func (v *events) reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.queue, v.epoch = nil, v.epoch+1
}

// happened lets an event go out with DeliverDue.
func (p *Platform) happened(e event) {
	v := p.events
	if v == nil {
		return
	}
	e.at = p.cfg.Now()
	e.next = e.at
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.queue) >= maxEvents {
		return
	}
	v.serial++
	e.serial = v.serial
	heap.Push(&v.queue, &e)
}

// deliverDue sends what is due and returns how much was taken. What concerns one person goes out in its order, one
// after the other; several persons are served at once.
func (v *events) deliverDue(ctx context.Context) int {
	due, epoch := v.due()
	var lanes [eventLanes][]*event
	for _, e := range due {
		lane := maphash.String(v.seed, e.openID) % eventLanes
		lanes[lane] = append(lanes[lane], e)
	}
	var taken [eventLanes]int
	var wg sync.WaitGroup
	for i, lane := range lanes {
		if lane == nil {
			continue
		}
		wg.Go(func() {
			for _, e := range lane {
				if v.deliver(ctx, e, epoch) {
					taken[i]++
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range taken {
		total += n
	}
	return total
}

// due takes the events whose time has come out of the queue, each with the fault that awaits it.
func (v *events) due() (due []*event, epoch int) {
	now := v.platform.cfg.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.queue) > 0 && !now.Before(v.queue[0].next) {
		e := heap.Pop(&v.queue).(*event)
		e.fault = v.platform.takeFault(endpointEvents)
		if e.fault.EventOutOfOrder {
			e.next = now.Add(eventDelay)
			heap.Push(&v.queue, e)
			continue
		}
		due = append(due, e)
	}
	return due, v.epoch
}

// deliver makes one attempt and reports whether the event was taken.
func (v *events) deliver(ctx context.Context, e *event, epoch int) bool {
	if ctx.Err() != nil {
		v.again(e, epoch)
		return false
	}
	if e.fault.NoEvent {
		return false
	}
	if !e.fault.LateEvent && v.attempt(ctx, e) && !e.fault.SlowAck {
		return true
	}
	if e.attempts < eventRetries {
		e.attempts++
		e.next = v.platform.cfg.Now().Add(eventAgain)
		v.again(e, epoch)
	}
	return false
}

func (v *events) again(e *event, epoch int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if epoch == v.epoch {
		heap.Push(&v.queue, e)
	}
}

// attempt sends e, twice at once with that fault. One answer that takes it is enough.
func (v *events) attempt(ctx context.Context, e *event) bool {
	ctx, cancel := context.WithTimeout(ctx, eventPatience)
	defer cancel()
	if !e.fault.DuplicateEvent {
		return v.post(ctx, e)
	}
	var wg sync.WaitGroup
	var first bool
	wg.Go(func() { first = v.post(ctx, e) })
	second := v.post(ctx, e)
	wg.Wait()
	return first || second
}
