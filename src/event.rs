//! Change events: ids, types, headers, order.
