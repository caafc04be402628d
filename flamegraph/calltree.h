/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call tree of a profile: what every picture and every tree of text is drawn from. Stacks that
 * begin alike share nodes. Frames are told apart by what people call them (name, object, kind),
 * never by address, so trees of two builds of a program can be laid over each other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct profile;

enum frame_kind {
	FRAME_NATIVE,
	FRAME_INLINED,
	FRAME_KERNEL,
	FRAME_JIT,
	FRAME_NOTE, /* no code: "[truncated: …]", "[unknown]", a root that a label gave */
	FRAME_KINDS
};

/* Where a frame is, apart from its place in the tree. Texts are foreign: still to be escaped. */
struct calltree_frame {
	uint32_t name;	 /* string of calltree.strings, never "" */
	uint32_t object; /* string: file of the mapping, as object_name() shows it; "" = unknown */
	uint32_t source; /* string: source file; "" = unknown */
	uint32_t line; /* of the source: where the function starts, or with by_line the line itself;
			  0 = unknown */
	enum frame_kind kind;
};

/* One node. Nodes lie in preorder, siblings in the order that was asked for, so the children of
 * node i begin at i + 1 and the node after its subtree is i + size. Node 0 is the root of all
 * stacks and has no frame (CALLTREE_ROOT). */
struct calltree_node {
	uint32_t frame; /* index into frames */
	uint32_t size;	/* nodes of the subtree, itself counted */
	int64_t total;	/* of the samples that go through it */
	int64_t self;	/* of those that end in it */
};

#define CALLTREE_ROOT UINT32_MAX

/* Where in the tree a sample is. */
struct calltree_end {
	uint32_t node;
	bool is_cut; /* its stack goes on below the node, but was left out there */
};

struct calltree {
	struct calltree_node *nodes;
	size_t n;
	struct calltree_frame *frames;
	size_t n_frames;
	uint32_t max_depth; /* of any node; the root has 0 */
	/* Of a difference, else NULL: total and self of each node in the base, already scaled when
	 * that was asked for. A node that only one side has is there with 0 for the other. */
	int64_t *base_total, *base_self;
	/* What was left out below `min_share`: nodes of the whole tree are not counted, for they
	 * were never made. */
	int64_t pruned_self;	/* Σ of values that ended in what was left out: shown by no node as
				   self */
	uint64_t pruned_stacks; /* samples that lost frames */
	uint64_t weight;	/* Σ |value| of all samples: what 100 % is */
	uint64_t base_weight;	/* the same of the base, unscaled */
	struct calltree_end *ends; /* of each sample that is in the tree, when wanted; else NULL */
	const struct strtab *strings; /* the tree's own */
};

enum calltree_order { ORDER_NAME, ORDER_WEIGHT };

struct calltree_opts {
	size_t sample_type; /* index into sample_types */
	enum calltree_order
		order;	    /* of siblings; NAME keeps towers in place between two profiles */
	double min_share;   /* subtrees below this share of the weight are left out; 0 = all stay */
	uint32_t max_depth; /* deeper frames are left out as if pruned; 0 = no limit */
	bool by_leaf;	    /* merged from the leaf: callers are drawn above their callees */
	bool by_line;	    /* the lines of a function are frames of their own */
	bool no_inlines;
	bool all_types; /* samples that are 0 in this type but not in others are in the tree, too */
	bool want_ends; /* of the samples of the profile, not of its base */
};

/* Builds the tree of @p, which it does not need any more then: 0 and *@ret (free with
 * calltree_free()), -EINVAL with a sentence for a sample type that is not there, -ENOMEM, -E2BIG
 * past 2^32 - 2 nodes. */
int calltree_new(struct calltree **ret, const struct profile *p, const struct calltree_opts *o,
		 struct err *e);

enum calltree_scale {
	SCALE_TOTAL, /* the base is scaled to the weight of the new one: shares are compared */
	SCALE_NONE,  /* values as they are */
};

/*
 * The tree of @p with that of @base laid over it. The sample type is taken by its name in @base;
 * the frames are matched by name, kind and the object's name without a version (by name and kind
 * alone where one of the two knows no objects). Errors as above.
 */
int calltree_diff(struct calltree **ret, const struct profile *p, const struct profile *base,
		  const struct calltree_opts *o, enum calltree_scale scale, struct err *e);

/* Accepts NULL. */
void calltree_free(struct calltree *t);

static inline void calltree_freep(struct calltree **t)
{
	calltree_free(*t);
}
