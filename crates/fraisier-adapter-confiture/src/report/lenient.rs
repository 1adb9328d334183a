//! Values whose type must not decide whether the report around them can be read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

/// Methods of a visitor that read every value of these JSON types as `None`.
macro_rules! otherwise_none {
    ($($kind:ident)*) => {
        $($crate::report::lenient::otherwise_none!(@ $kind);)*
    };
    (@ bool) => { $crate::report::lenient::otherwise_none!(@ visit_bool bool); };
    (@ i64) => { $crate::report::lenient::otherwise_none!(@ visit_i64 i64); };
    (@ u64) => { $crate::report::lenient::otherwise_none!(@ visit_u64 u64); };
    (@ f64) => { $crate::report::lenient::otherwise_none!(@ visit_f64 f64); };
    (@ str) => { $crate::report::lenient::otherwise_none!(@ visit_str &str); };
    (@ unit) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    };
    (@ seq) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(
            self,
            mut seq: A,
        ) -> Result<Self::Value, A::Error> {
            while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    };
    (@ map) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            use serde::de::IgnoredAny;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    };
    (@ $visit:ident $type:ty) => {
        fn $visit<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok(None)
        }
    };
}

pub(crate) use otherwise_none;

/// A text, or anything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    otherwise_none!(bool i64 u64 f64 unit seq map);
}

/// The fields of an object that are wanted, or nothing when the value is no object or has one of
/// them twice.
///
/// `$field` becomes a visitor that reads an object with [`Deserialize`] for each wanted field and
/// skips the others; every other JSON value reads as `None`.
macro_rules! lenient_object {
    ($(#[$meta:meta])* $name:ident<$life:lifetime> { $($field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        struct $name<$life> {
            $($field: Option<$type>,)*
            _life: std::marker::PhantomData<&$life ()>,
        }

        impl<'de: $life, $life> $name<$life> {
            /// `None` when the value is no object, or has one of the fields twice.
            fn read<D: serde::de::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Option<Self>, D::Error> {
                struct ObjectVisitor;

                impl<'de> serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = Option<$name<'de>>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("any value")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut object = $name::default();
                        let mut twice = false;
                        while let Some(key) = map.next_key::<Text<'de>>()? {
                            match key.0.as_deref().unwrap_or_default() {
                                $(stringify!($field) => {
                                    twice |= object.$field.is_some();
                                    object.$field = Some(map.next_value()?);
                                })*
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok((!twice).then_some(object))
                    }

                    $crate::report::lenient::otherwise_none!(bool i64 u64 f64 str unit seq);
                }

                deserializer.deserialize_any(ObjectVisitor)
            }
        }
    };
}

pub(crate) use lenient_object;
