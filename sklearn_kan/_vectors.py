"""Rows of numbers, several at once: the innermost loops of the kernels.

The compiler would check for every node and sample whether the rows of weights overlap what is written, which takes
longer than the work where rows are short. Here they are known not to: four numbers run at once, then two, then one.

Places are those in an array as it lies in memory. In plain Python these functions are what they say; compiled kernels
get their own instructions instead. A cached kernel does not notice an edit here: empty the cache after one.
"""

from ._jit import lesson


def add_combination(out, at, n, values, rows, places):
    """Add ``sum_a values[a] rows[places[a] : places[a] + n]`` to ``out[at : at + n]``; they do not overlap."""
    out, rows = out.reshape(-1), rows.reshape(-1)
    for value, place in zip(values, places, strict=True):
        out[at : at + n] += value * rows[place : place + n]


def add_multiples(rows, places, n, values, row, at):
    """Add ``values[a] row[at : at + n]`` to ``rows[places[a] : places[a] + n]``; none of them overlap."""
    rows, row = rows.reshape(-1), row.reshape(-1)
    for value, place in zip(values, places, strict=True):
        rows[place : place + n] += value * row[at : at + n]


def dot_combination(row, at, n, values, rows, places):
    """Product of ``row[at : at + n]`` and ``sum_a values[a] rows[places[a] : places[a] + n]``."""
    row, rows = row.reshape(-1), rows.reshape(-1)
    return sum(
        value * (row[at : at + n] @ rows[place : place + n]) for value, place in zip(values, places, strict=True)
    )


@lesson
def _teach_numba():
    """Give compiled kernels instructions of several numbers for the functions above."""
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.core.errors import TypingError
    from numba.extending import intrinsic, overload

    one = ir.DoubleType()
    quick = ("contract", "reassoc", "nsz", "arcp")
    inlined = {"jit_options": {"forceinline": True}}  # a call would take longer than the work

    def check(*arrays):
        for array in arrays:
            if not (isinstance(array, types.Array) and array.layout == "C" and array.dtype == types.float64):
                raise TypingError(f"Rows must be in C-contiguous arrays of float64, got {array}.")

    class Code:
        """Instructions with vectors of one width."""

        def __init__(self, context, builder, width):
            self.context, self.builder, self.width = context, builder, width
            self.type = one if width == 1 else ir.VectorType(one, width)

        def _pointer(self, kind, array, place):
            data = self.context.make_array(kind)(self.context, self.builder, array).data
            return self.builder.bitcast(self.builder.gep(data, [place]), self.type.as_pointer())

        def load(self, kind, array, place):
            return self.builder.load(self._pointer(kind, array, place), align=8)

        def store(self, vector, kind, array, place):
            self.builder.store(vector, self._pointer(kind, array, place), align=8)

        def filled(self, number):
            if self.width == 1:
                return number
            unknown, lane = ir.Constant(self.type, ir.Undefined), ir.IntType(32)
            first = self.builder.insert_element(unknown, number, lane(0))
            return self.builder.shuffle_vector(first, unknown, ir.Constant(ir.VectorType(lane, self.width), None))

        def times(self, left, right):
            return self.builder.fmul(left, right, flags=quick)

        def plus(self, left, right):
            return self.builder.fadd(left, right, flags=quick)

        def combination(self, values, kind, array, places, j, onto=None):
            for value, place in zip(values, places, strict=True):
                row = self.load(kind, array, self.builder.add(place, j))
                term = self.times(self.filled(value), row)
                onto = term if onto is None else self.plus(onto, term)
            return onto

        def total(self, vector):
            if self.width == 1:
                return vector
            lanes = [self.builder.extract_element(vector, ir.IntType(32)(k)) for k in range(self.width)]
            while len(lanes) > 1:
                lanes = [self.plus(left, right) for left, right in zip(lanes[::2], lanes[1::2], strict=True)]
            return lanes[0]

    def for_width(context, builder, n, body):
        """Build body(code, j) for fours, then for two, then for one of n numbers."""
        integer = n.type
        fours = builder.and_(n, integer(-4))
        with cgutils.for_range_slice(builder, integer(0), fours, integer(4)) as (j, _):
            body(Code(context, builder, 4), j)
        for width, j in ((2, fours), (1, builder.and_(n, integer(-2)))):
            left = builder.and_(n, integer(width))
            with builder.if_then(builder.icmp_unsigned("!=", left, integer(0))):
                body(Code(context, builder, width), j)

    @intrinsic
    def combined(_, out, at, n, values, rows, places):
        check(out, rows)

        def codegen(context, builder, signature, arguments):
            out_kind, *_, rows_kind, _ = signature.args
            out, at, n, values, rows, places = arguments
            values, places = (cgutils.unpack_tuple(builder, each) for each in (values, places))

            def body(code, j):
                place = builder.add(at, j)
                found = code.combination(values, rows_kind, rows, places, j, code.load(out_kind, out, place))
                code.store(found, out_kind, out, place)

            for_width(context, builder, n, body)
            return context.get_dummy_value()

        return types.void(out, types.intp, types.intp, values, rows, places), codegen

    @intrinsic
    def multiplied(_, rows, places, n, values, row, at):
        check(rows, row)

        def codegen(context, builder, signature, arguments):
            rows_kind, *_, row_kind, _ = signature.args
            rows, places, n, values, row, at = arguments
            values, places = (cgutils.unpack_tuple(builder, each) for each in (values, places))

            def body(code, j):
                multiple, found = code.load(row_kind, row, builder.add(at, j)), []
                for value, place in zip(values, places, strict=True):
                    old = code.load(rows_kind, rows, builder.add(place, j))
                    found.append(code.plus(old, code.times(code.filled(value), multiple)))
                for new, place in zip(found, places, strict=True):
                    code.store(new, rows_kind, rows, builder.add(place, j))

            for_width(context, builder, n, body)
            return context.get_dummy_value()

        return types.void(rows, places, types.intp, values, row, types.intp), codegen

    @intrinsic
    def dotted(_, row, at, n, values, rows, places):
        check(row, rows)

        def codegen(context, builder, signature, arguments):
            row_kind, *_, rows_kind, _ = signature.args
            row, at, n, values, rows, places = arguments
            values, places = (cgutils.unpack_tuple(builder, each) for each in (values, places))
            sums = {width: cgutils.alloca_once(builder, Code(context, builder, width).type) for width in (4, 2, 1)}
            for width, total in sums.items():
                builder.store(ir.Constant(Code(context, builder, width).type, None), total)

            def body(code, j):
                combination = code.combination(values, rows_kind, rows, places, j)
                product = code.times(code.load(row_kind, row, builder.add(at, j)), combination)
                builder.store(code.plus(builder.load(sums[code.width]), product), sums[code.width])

            for_width(context, builder, n, body)
            totals = [Code(context, builder, width).total(builder.load(total)) for width, total in sums.items()]
            return builder.fadd(builder.fadd(*totals[:2], flags=quick), totals[2], flags=quick)

        return types.float64(row, types.intp, types.intp, values, rows, places), codegen

    @overload(add_combination, **inlined)
    def _(out, at, n, values, rows, places):
        def call(out, at, n, values, rows, places):
            return combined(out, at, n, values, rows, places)

        return call

    @overload(add_multiples, **inlined)
    def _(rows, places, n, values, row, at):
        def call(rows, places, n, values, row, at):
            return multiplied(rows, places, n, values, row, at)

        return call

    @overload(dot_combination, **inlined)
    def _(row, at, n, values, rows, places):
        def call(row, at, n, values, rows, places):
            return dotted(row, at, n, values, rows, places)

        return call
