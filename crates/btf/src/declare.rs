//! Functions as C declares them, in the words of `bpftool prog dump`.

use crate::{Btf, Kind, Type, TypeId};

/// Most references that are followed on the way to a name.
const MAX_DEPTH: u32 = 32;
/// Longest declaration: what is longer has none.
const MAX_LEN: usize = 1023;

impl Btf {
    /// The declaration of a function, as bpftool heads its instructions: `int f(struct xdp_md * ctx)`.
    /// `None` for what is no function, or none that can be declared.
    pub fn declaration(&self, func: TypeId) -> Option<String> {
        let func = self.ty(func).filter(|ty| ty.is_func())?;
        let mut text = String::new();
        self.declare_proto(&mut text, func.proto()?, func.name(), MAX_DEPTH)?;
        Some(text)
    }

    fn declare_proto(&self, text: &mut String, proto: Type<'_>, name: &str, depth: u32) -> Option<()> {
        self.declare_type(text, proto.target(), depth)?;
        text.push_str(name);
        text.push('(');
        for (i, param) in proto.params().enumerate() {
            if i > 0 {
                text.push_str(", ");
            }
            if param.ty == TypeId::VOID {
                text.push_str("...");
                continue;
            }
            self.declare_type(text, param.ty, depth)?;
            text.push_str(param.name());
            if param.name().is_empty() && text.ends_with(' ') {
                text.pop();
            }
        }
        text.push(')');
        (text.len() <= MAX_LEN).then_some(())
    }

    /// A type with a blank behind it.
    fn declare_type(&self, text: &mut String, id: TypeId, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1).filter(|_| text.len() <= MAX_LEN)?;
        let ty = self.ty(id)?;
        let keyword = match ty.kind() {
            Kind::Void => "void",
            Kind::Int | Kind::Typedef | Kind::Float => "",
            Kind::Struct => "struct ",
            Kind::Fwd if !ty.kflag() => "struct ",
            Kind::Union | Kind::Fwd => "union ",
            Kind::Enum | Kind::Enum64 => "enum ",
            Kind::Volatile => "volatile ",
            Kind::Const => "const ",
            Kind::Restrict => "restrict ",
            Kind::Ptr => {
                self.declare_type(text, ty.target(), depth)?;
                text.push_str("* ");
                return Some(());
            }
            Kind::Array => {
                let array = ty.array()?;
                self.declare_type(text, array.elem, depth)?;
                text.push_str(&format!("[{}]", array.nelems));
                return Some(());
            }
            Kind::FuncProto => return self.declare_proto(text, ty, "", depth),
            Kind::TypeTag => return self.declare_type(text, ty.target(), depth),
            Kind::Func | Kind::Var | Kind::DataSec | Kind::DeclTag => return None,
        };
        text.push_str(keyword);
        if ty.kind().is_modifier() {
            return self.declare_type(text, ty.target(), depth);
        }
        text.push_str(ty.name());
        text.push(' ');
        Some(())
    }
}
