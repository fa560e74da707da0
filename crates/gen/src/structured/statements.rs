//! Statements with blocks, calls and resources.

use super::{ASIDE, ITERATORS, KEPT, KEY, NUMBERS, Place, TUPLE, Writer};

/// Blocks within blocks, at most.
const DEEPEST: usize = 4;

impl Writer<'_> {
    /// One statement that may stand here.
    pub(super) fn statement(&mut self, place: Place) {
        let blocks = place.depth < if place.looped { DEEPEST - 1 } else { DEEPEST };
        match self.chance.below(24) {
            0..=4 => self.arithmetic(),
            5 | 6 => self.spill(),
            7 | 8 => self.fill(),
            9 => self.variable_offset(),
            10 | 11 => self.diamond(),
            12 | 13 if blocks => self.branch(place),
            14 if blocks => self.linked(place),
            15 if blocks => self.choice(place),
            16 if blocks => self.counted(place),
            17 if blocks && place.calls => self.iterated(place),
            18 if blocks && place.calls => self.may_goto(place),
            19 if place.calls => self.looked_up(place),
            20 if place.calls => self.called(place),
            21 if place.calls && !place.looped => self.looped_by_helper(),
            22 if place.calls => self.resource(place),
            23 if place.calls => self.packet_or_random(place),
            _ => self.arithmetic(),
        }
    }

    /// Two paths that leave a register, and perhaps a slot, nearly alike.
    fn diamond(&mut self) {
        let (Some(dst), tested) = (self.free(), self.number()) else {
            return;
        };
        let (a, b) = (self.small(), self.small());
        let b = if self.chance.once_in(2) { a } else { b };
        let (other, join) = (self.label(), self.label());
        let condition = self.condition(tested);
        let spills = self.chance.once_in(2);
        let (first, second) = (self.slot(), self.slot());
        self.say(format!("if {condition} goto {other}"));
        self.say(format!("r{dst} = {a}"));
        if spills {
            self.say(format!("*(u64 *)(r10 {first}) = r{dst}"));
        }
        self.say(format!("goto {join}"));
        self.say(format!("{other}:"));
        match self.chance.below(4) {
            0 => self.say(format!("r{dst} = r{tested}")),
            _ => self.say(format!("r{dst} = {b}")),
        }
        if spills {
            let at = if self.chance.once_in(4) { second } else { first };
            self.say(format!("*(u64 *)(r10 {at}) = r{dst}"));
        }
        self.say(format!("{join}:"));
        if self.chance.once_in(3) {
            self.use_precisely(dst);
        }
    }

    fn branch(&mut self, place: Place) {
        let (other, join) = (self.label(), self.label());
        let tested = self.number();
        let condition = self.condition(tested);
        self.say(format!("if {condition} goto {other}"));
        self.block(place.within());
        if self.chance.once_in(2) {
            self.say(format!("goto {join}"));
            self.say(format!("{other}:"));
            self.block(place.within());
            self.say(format!("{join}:"));
        } else {
            self.say(format!("{other}:"));
        }
    }

    /// Several tests of one register that lead to one place.
    fn choice(&mut self, place: Place) {
        let (tested, join) = (self.number(), self.label());
        let cases = 2 + self.chance.below(3);
        let arms: Vec<_> = (0..cases).map(|_| self.label()).collect();
        for (value, arm) in arms.iter().enumerate() {
            self.say(format!("if r{tested} == {value} goto {arm}"));
        }
        self.say(format!("goto {join}"));
        for arm in &arms {
            self.say(format!("{arm}:"));
            match self.chance.once_in(2) {
                true => self.block(place.within()),
                false => self.diamond(),
            }
            if self.chance.below(4) > 0 {
                self.say(format!("goto {join}"));
            }
        }
        self.say(format!("{join}:"));
    }

    /// A loop with a counter in a register or on the stack.
    fn counted(&mut self, place: Place) {
        let Some(counter) = self.free() else { return };
        let (head, out) = (self.label(), self.label());
        let turns = 2 + self.chance.below(if place.looped { 3 } else { 8 });
        let down = self.chance.once_in(4);
        let from = if down { turns } else { 0 };
        self.say(format!("r{counter} = {from}"));
        self.body.reserved.push(counter);
        self.say(format!("{head}:"));
        self.block(place.in_loop());
        if self.chance.once_in(3) {
            let tested = self.number();
            let condition = self.condition(tested);
            self.say(format!("if {condition} goto {out}"));
        }
        match down {
            true => {
                self.say(format!("r{counter} += -1"));
                self.say(format!("if r{counter} != 0 goto {head}"));
            }
            false => {
                self.say(format!("r{counter} += 1"));
                let op = ["<", "!=", "s<"][self.chance.below(3)];
                self.say(format!("if r{counter} {op} {turns} goto {head}"));
            }
        }
        self.body.reserved.pop();
        self.say(format!("{out}:"));
    }

    /// A loop over an iterator of numbers.
    fn iterated(&mut self, place: Place) {
        let at = ITERATORS - 8 * place.iterators;
        if at <= KEY + 8 {
            return;
        }
        let (head, out) = (self.label(), self.label());
        let iterator = ["r1 = r10".to_owned(), format!("r1 += {at}")];
        let (bound, known) = (self.number(), self.chance.once_in(2));
        self.body.lines.extend(iterator.clone());
        self.say("r2 = 0");
        match known {
            true => self.say("r3 = 5"),
            false => self.say(format!("r3 = r{bound}")),
        }
        self.say("call bpf_iter_num_new");
        self.say(format!("{head}:"));
        self.body.lines.extend(iterator.clone());
        self.say("call bpf_iter_num_next");
        self.say(format!("if r0 == 0 goto {out}"));
        if let Some(dst) = self.free().filter(|_| self.chance.once_in(2)) {
            self.say(format!("r{dst} = *(u32 *)(r0 +0)"));
        }
        self.block(Place {
            iterators: place.iterators + 1,
            ..place.in_loop()
        });
        if self.chance.once_in(4) {
            let tested = self.number();
            let condition = self.condition(tested);
            self.say(format!("if {condition} goto {out}"));
        }
        self.say(format!("goto {head}"));
        self.say(format!("{out}:"));
        self.body.lines.extend(iterator);
        self.say("call bpf_iter_num_destroy");
    }

    /// A loop that the kernel ends.
    fn may_goto(&mut self, place: Place) {
        let (head, out) = (self.label(), self.label());
        self.say(format!("{head}:"));
        self.say(format!("may_goto {out}"));
        self.block(place.in_loop());
        self.say(format!("goto {head}"));
        self.say(format!("{out}:"));
    }

    /// A value of a map, or of none, and what is done with it.
    fn looked_up(&mut self, place: Place) {
        let (out, key) = (self.label(), self.number());
        let (map, size) = [("cells", 48), ("table", 16)][self.chance.below(2)];
        match self.chance.once_in(2) {
            true => self.say(format!("*(u32 *)(r10 {KEY}) = 1")),
            false => self.say(format!("*(u32 *)(r10 {KEY}) = r{key}")),
        }
        self.say("r2 = r10");
        self.say(format!("r2 += {KEY}"));
        self.say(format!("r1 = map({map})"));
        self.say("call bpf_map_lookup_elem#1");
        let keeps = !place.aside && self.chance.once_in(3);
        if keeps {
            self.say(format!("*(u64 *)(r10 {ASIDE}) = r0"));
        }
        self.say(format!("if r0 == 0 goto {out}"));
        self.use_value(size);
        if keeps {
            self.block(Place {
                aside: true,
                ..place.within()
            });
            self.say(format!("r0 = *(u64 *)(r10 {ASIDE})"));
            self.use_value(size);
        }
        self.say(format!("{out}:"));
        if keeps && self.chance.once_in(2) {
            self.say(format!("*(u64 *)(r10 {ASIDE}) = 0"));
        }
    }

    /// Reads or writes a value of so many bytes in R0.
    fn use_value(&mut self, size: i64) {
        let src = self.number();
        let at = 8 * self.chance.between(0, size / 8 - 1);
        match (self.chance.below(5), self.free()) {
            (0, Some(dst)) => self.say(format!("r{dst} = *(u64 *)(r0 +{at})")),
            (1, Some(dst)) => self.say(format!("r{dst} = *(u8 *)(r0 +{at})")),
            (2, _) => self.say(format!("lock *(u64 *)(r0 +{at}) += r{src}")),
            (3, _) => {
                self.say(format!("r1 = r{src}"));
                self.say("r1 &= 7");
                self.say("r0 += r1");
                self.say(format!("*(u8 *)(r0 +{}) = r{src}", at.min(size - 8)));
            }
            _ => self.say(format!("*(u64 *)(r0 +{at}) = r{src}")),
        }
    }

    /// A call of a function of its own.
    fn called(&mut self, place: Place) {
        let name = format!("f{}", self.funcs.len());
        let global = self.chance.once_in(3);
        let buffer = !global && self.body.buffer.is_none() && self.chance.once_in(2);
        let left = 1 + self.chance.below(6);
        // The place is taken now: functions within functions come behind it.
        let at = self.funcs.len();
        self.funcs.push(String::new());
        let kind = if global { "global" } else { "static" };
        self.function(&format!("{kind} {name}(2):"), left, |own| {
            own.arguments(buffer);
            own.block(Place {
                depth: 2 + place.depth.min(2),
                ..super::OUTERMOST
            });
            own.leave();
        });
        self.take_place(at);
        let (first, second) = (self.number(), self.number());
        match buffer {
            true => {
                self.say("r1 = r10");
                self.say(format!("r1 += {NUMBERS}"));
            }
            false => self.say(format!("r1 = r{first}")),
        }
        self.say(format!("r2 = r{second}"));
        self.say(format!("call {name}"));
        if let Some(dst) = self.free() {
            self.say(format!("r{dst} = r0"));
        }
    }

    /// Puts the function that was finished last where a place was kept for it.
    fn take_place(&mut self, at: usize) {
        if let (Some(text), Some(place)) = (self.funcs.pop(), self.funcs.get_mut(at)) {
            *place = text;
        }
    }

    /// Keeps the arguments of a function: two numbers, or a pointer to numbers and one.
    fn arguments(&mut self, buffer: bool) {
        match buffer {
            true => {
                self.say("r9 = r1");
                self.body.buffer = Some(9);
                self.body.reserved.push(9);
                self.say("r6 = *(u64 *)(r9 +0)");
                self.say("r7 = r2");
                self.say("r8 = *(u32 *)(r9 +8)");
                if self.chance.once_in(2) {
                    self.say("*(u64 *)(r9 +16) = r7");
                }
            }
            false => {
                self.say("r6 = r1");
                self.say("r7 = r2");
                self.say("r8 = 0");
                self.say("r9 = r6");
            }
        }
        for slot in (NUMBERS..0).step_by(16) {
            self.say(format!("*(u64 *)(r10 {slot}) = 0"));
        }
    }

    /// A callback that is called again and again.
    fn looped_by_helper(&mut self) {
        let name = format!("cb{}", self.funcs.len());
        let left = 1 + self.chance.below(5);
        let at = self.funcs.len();
        self.funcs.push(String::new());
        self.function(&format!("static {name}(2):"), left, |own| {
            own.say("r6 = r1");
            own.say("r9 = r2");
            own.body.buffer = Some(9);
            own.body.reserved.push(9);
            own.say("r7 = *(u64 *)(r9 +0)");
            own.say("r8 = 0");
            for slot in (NUMBERS..0).step_by(16) {
                own.say(format!("*(u64 *)(r10 {slot}) = 0"));
            }
            own.block(Place {
                depth: 2,
                looped: true,
                ..super::OUTERMOST
            });
            let value = own.number();
            let to = 8 * own.chance.below(4);
            own.say(format!("*(u64 *)(r9 +{to}) = r{value}"));
            own.say("r0 = 0");
            if own.chance.once_in(2) {
                let out = own.label();
                let condition = own.condition(value);
                own.say(format!("if {condition} goto {out}"));
                own.say("r0 = 1");
                own.say(format!("{out}:"));
            }
            own.say("exit");
        });
        self.take_place(at);
        let turns = self.number();
        match self.chance.once_in(2) {
            true => self.say("r1 = 4"),
            false => self.say(format!("r1 = r{turns}")),
        }
        self.say(format!("r2 = func({name})"));
        self.say("r3 = r10");
        self.say(format!("r3 += {NUMBERS}"));
        self.say("r4 = 0");
        self.say("call bpf_loop#181");
        if let Some(dst) = self.free() {
            self.say(format!("r{dst} = r0"));
        }
    }

    /// Something that is acquired and released.
    fn resource(&mut self, place: Place) {
        match self.chance.below(3) {
            0 if !place.aside => self.locked(place),
            1 if self.section == "tc" && self.body.ctx.is_some() => self.socket(place),
            _ => self.reserved(place),
        }
    }

    fn locked(&mut self, place: Place) {
        let out = self.label();
        self.say(format!("*(u32 *)(r10 {KEY}) = 0"));
        self.say("r2 = r10");
        self.say(format!("r2 += {KEY}"));
        self.say("r1 = map(locked)");
        self.say("call bpf_map_lookup_elem#1");
        self.say(format!("if r0 == 0 goto {out}"));
        self.say(format!("*(u64 *)(r10 {ASIDE}) = r0"));
        self.say("r1 = r0");
        self.say("call bpf_spin_lock#93");
        self.block(Place {
            calls: false,
            aside: true,
            ..place.within()
        });
        self.say(format!("r1 = *(u64 *)(r10 {ASIDE})"));
        if let Some(dst) = self.free() {
            self.say(format!("r{dst} = *(u32 *)(r1 +8)"));
        }
        self.say("call bpf_spin_unlock#94");
        self.say(format!("{out}:"));
    }

    fn reserved(&mut self, place: Place) {
        let out = self.label();
        self.say("r1 = map(ring)");
        self.say("r2 = 16");
        self.say("r3 = 0");
        self.say("call bpf_ringbuf_reserve#131");
        self.say(format!("if r0 == 0 goto {out}"));
        self.use_value(8);
        // What was added to the pointer must not be handed back.
        let added = self.body.lines.len() > 2
            && self
                .body
                .lines
                .iter()
                .rev()
                .take(2)
                .any(|line| line == "r0 += r1");
        if added {
            self.say("r0 -= r1");
        }
        if !place.aside && self.chance.once_in(2) && !added {
            self.say(format!("*(u64 *)(r10 {ASIDE}) = r0"));
            self.block(Place {
                aside: true,
                ..place.within()
            });
            self.say(format!("r1 = *(u64 *)(r10 {ASIDE})"));
        } else {
            self.say("r1 = r0");
        }
        self.say("r2 = 0");
        let end = ["bpf_ringbuf_submit#132", "bpf_ringbuf_discard#133"][self.chance.below(2)];
        self.say(format!("call {end}"));
        self.say(format!("{out}:"));
    }

    fn socket(&mut self, place: Place) {
        let (out, ctx) = (self.label(), self.body.ctx.unwrap_or(9));
        self.say(format!("*(u64 *)(r10 {TUPLE}) = 0"));
        self.say(format!("*(u32 *)(r10 {}) = 0", TUPLE + 8));
        self.say(format!("r1 = r{ctx}"));
        self.say("r2 = r10");
        self.say(format!("r2 += {TUPLE}"));
        self.say("r3 = 12");
        self.say("r4 = -1");
        self.say("r5 = 0");
        self.say("call bpf_sk_lookup_tcp#84");
        self.say(format!("if r0 == 0 goto {out}"));
        if let Some(dst) = self.free() {
            self.say(format!("r{dst} = *(u32 *)(r0 +4)"));
        }
        match place.aside {
            true => self.say("r1 = r0"),
            false => {
                self.say(format!("*(u64 *)(r10 {ASIDE}) = r0"));
                self.block(Place {
                    aside: true,
                    ..place.within()
                });
                self.say(format!("r1 = *(u64 *)(r10 {ASIDE})"));
            }
        }
        self.say("call bpf_sk_release#86");
        self.say(format!("{out}:"));
    }

    /// A byte of the packet where there is one, or a number that nobody knows.
    fn packet_or_random(&mut self, place: Place) {
        let Some(dst) = self.free() else { return };
        let (Some(ctx), false) = (self.body.ctx, self.section == "socket") else {
            self.say("call bpf_get_prandom_u32#7");
            self.say(format!("r{dst} = r0"));
            return;
        };
        let (data, end) = if self.section == "xdp" { (0, 4) } else { (76, 80) };
        let (out, offset) = (self.label(), self.number());
        self.say(format!("r2 = *(u32 *)(r{ctx} +{data})"));
        self.say(format!("r3 = *(u32 *)(r{ctx} +{end})"));
        if self.chance.once_in(2) {
            self.say(format!("r4 = r{offset}"));
            self.say("r4 &= 63");
            self.say("r2 += r4");
        }
        self.say("r5 = r2");
        self.say("r5 += 14");
        self.say(format!("if r5 > r3 goto {out}"));
        let at = self.chance.below(13);
        self.say(format!("r{dst} = *(u8 *)(r2 +{at})"));
        if self.chance.once_in(2) && place.depth < DEEPEST {
            self.block(place.within());
        }
        self.say(format!("{out}:"));
        debug_assert!(KEPT.contains(&dst));
    }
}
